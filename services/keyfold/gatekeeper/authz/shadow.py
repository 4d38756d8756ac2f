"""Shadow mode: a new route map runs beside the one in force, and differences between them are noted."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

import structlog

from keyfold.domain.access.decision import AccessRequest, Decision, Reason, judge_request
from keyfold.domain.access.request_path import normalise
from keyfold.domain.access.route_map import REST, MappedRoute, RouteMap
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.domain.permissions import Access, Category
from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.route_map_file import load_route_map
from keyfold.gatekeeper.settings import GatekeeperSettings
from keyfold.runtime.clock import Clock

DIFFERENCES_MAX: Final = 500
EXAMPLES_MAX: Final = 3
_EXAMPLE_CHARACTERS_MAX: Final = 200
_OF_KEYS: Final = frozenset(list(Reason)[: list(Reason).index(Reason.AMBIGUOUS_REQUEST)])
# A word or a version, like the fixed parts of a path; anything with another digit may be a patient's number.
_WORD: Final = re.compile(r"[a-z][a-z_-]{0,39}|v[0-9]{1,3}")

log = structlog.get_logger(__name__)


class Becomes(StrEnum):
    """How a decision would change under the new map."""

    ALLOW_TO_DENY = "allow_to_deny"
    DENY_TO_ALLOW = "deny_to_allow"
    SAME_ANSWER = "same_answer"


@dataclass(frozen=True, slots=True)
class Mapped:
    """The route and access that a map has for a method on a path; None if it has no route."""

    route: MappedRoute | None
    access: Access | None

    @property
    def line(self) -> int | None:
        """The line of the map, from 1."""
        return None if self.route is None else self.route.line

    @property
    def category(self) -> Category | None:
        """The category that the line names."""
        return None if self.route is None else self.route.category

    @property
    def pattern(self) -> str | None:
        """The line's pattern, each of its parameters as `{}`."""
        return None if self.route is None else "/" + "/".join(self.route.segments)


@dataclass(slots=True, kw_only=True)
class ShadowDifference:
    """One distinct difference, how often it occurred, and when. `examples` are paths that one map lacks."""

    method: str
    old: Mapped
    new: Mapped
    becomes: Becomes
    first_at: datetime
    last_at: datetime
    count: int = 0
    examples: list[str] = field(default_factory=list)


class Shadow:
    """Compares the two maps for each decision about proven keys, without changing any answer.

    It keeps at most `DIFFERENCES_MAX` distinct differences; `not_kept` counts the occurrences of others.
    """

    def __init__(self, route_map: RouteMap, shadow: RouteMap, clock: Clock) -> None:
        self._old = route_map
        self._new = shadow
        self._clock = clock
        self._counters = {each: metrics.SHADOW_DIFFERENCES.labels(each.value) for each in Becomes}
        self._differences: dict[tuple[str, int | None, int | None, Becomes], ShadowDifference] = {}
        self.is_running = True
        self.since = clock.now()
        self.compared = 0
        self.not_kept = 0

    @property
    def differences(self) -> list[ShadowDifference]:
        """The differences, changed answers before others, then the most frequent first."""
        order = list(Becomes)
        return sorted(self._differences.values(), key=lambda each: (order.index(each.becomes), -each.count))

    def compare(self, request: AccessRequest, decision: Decision, state: State | None) -> None:
        """Note if the new map reads the request differently. Raises nothing.

        A request that can be read in two ways, or without two proven keys, is not compared: no map decides
        it, and strangers must not be able to fill the table.
        """
        if decision.key_id is None or decision.vendor_id is None or request.target is None:
            return
        try:
            self._compare(request, request.target, decision, state)
        except Exception:  # a failure of the comparison must not reach an answer
            if self.is_running:
                log.exception("shadow_failed")
            self.is_running = False

    def _compare(self, request: AccessRequest, target: str, decision: Decision, state: State | None) -> None:
        segments = normalise(target)
        if segments is None or not self.is_running:
            return
        self.compared += 1
        route = self._new.match(segments)
        if route is None:
            if decision.category is None:
                return
        elif route.category is decision.category and route.access(request.method) is decision.access:
            return
        self._note_difference(request.method, segments, decision, state)

    def _note_difference(
        self, method: str, segments: tuple[str, ...], decision: Decision, state: State | None
    ) -> None:
        old, new = _map_request(self._old, method, segments), _map_request(self._new, method, segments)
        key = None if state is None or decision.key_id is None else state.subscriber_key(decision.key_id)
        becomes = _compare_answers(key, decision.reason, old, new)
        self._counters[becomes].inc()
        difference = self._find_difference(method, old, new, becomes)
        if difference is None:
            self.not_kept += 1
            return
        difference.count += 1
        difference.last_at = self._clock.now()
        _add_example(difference, segments)

    def _find_difference(
        self, method: str, old: Mapped, new: Mapped, becomes: Becomes
    ) -> ShadowDifference | None:
        key = (method, old.line, new.line, becomes)
        if (difference := self._differences.get(key)) is not None:
            return difference
        if len(self._differences) == DIFFERENCES_MAX:
            return None
        now = self._clock.now()
        difference = self._differences[key] = ShadowDifference(
            method=method, old=old, new=new, becomes=becomes, first_at=now, last_at=now
        )
        return difference


def open_shadow(settings: GatekeeperSettings, route_map: RouteMap, clock: Clock) -> Shadow | None:
    """Read the new map if one is set. Raises StopProcess that names each of its broken lines."""
    if settings.shadow_route_map is None:
        return None
    return Shadow(route_map, load_route_map(settings.shadow_route_map), clock)


def _map_request(route_map: RouteMap, method: str, segments: tuple[str, ...]) -> Mapped:
    route = route_map.match(segments)
    return Mapped(route, None if route is None else route.access(method))


def _compare_answers(key: SubscriberKey | None, reason: Reason | None, old: Mapped, new: Mapped) -> Becomes:
    # A request that is denied for its keys is denied under either map.
    if reason in _OF_KEYS:
        return Becomes.SAME_ANSWER
    is_allowed = judge_request(key, True, old.category, old.access) is None
    if is_allowed == (judge_request(key, True, new.category, new.access) is None):
        return Becomes.SAME_ANSWER
    return Becomes.ALLOW_TO_DENY if is_allowed else Becomes.DENY_TO_ALLOW


def _add_example(difference: ShadowDifference, segments: tuple[str, ...]) -> None:
    """Keep an example of a path that one map lacks, if the other's pattern ends with `**`.

    A path may hold a patient's number: where the pattern has the `**`, only words of the path are kept.
    """
    old, new = difference.old.route, difference.new.route
    mapped = old or new
    if mapped is None or (old is not None and new is not None) or mapped.segments[-1] != REST:
        return
    if len(difference.examples) == EXAMPLES_MAX:
        return
    known = mapped.segments[:-1]
    rest = (each if _WORD.fullmatch(each) else "{}" for each in segments[len(known) :])
    example = ("/" + "/".join((*known, *rest)))[:_EXAMPLE_CHARACTERS_MAX]
    if example not in difference.examples:
        difference.examples.append(example)
