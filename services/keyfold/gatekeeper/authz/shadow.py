"""Shadow mode: a new route map runs beside the one in force, and differences between them are noted."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

import structlog

from keyfold.domain.access.decision import AccessRequest, Decision, Reason, judge_request
from keyfold.domain.access.request_path import read_path
from keyfold.domain.access.route_map import REST, MappedRequest, RouteMap
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.gatekeeper import metrics
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


@dataclass(slots=True, kw_only=True)
class ShadowDifference:
    """One distinct difference, how often it occurred, and when. `examples` are paths that one map lacks."""

    method: str
    old: MappedRequest
    new: MappedRequest
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

    def is_between(self, route_map: RouteMap, shadow: RouteMap | None) -> bool:
        """Say whether it compares these two maps, line by line."""
        return shadow is not None and (self._old.routes, self._new.routes) == (
            route_map.routes,
            shadow.routes,
        )

    @property
    def differences(self) -> list[ShadowDifference]:
        """The differences, changed answers before others, then the most frequent first."""
        order = list(Becomes)
        return sorted(self._differences.values(), key=lambda each: (order.index(each.becomes), -each.count))

    def compare(self, request: AccessRequest, decision: Decision, state: State | None) -> None:
        """Note if the new map reads the request differently. Raises nothing.

        A request that no server reads in one way, or without two proven keys, is not compared: no map decides
        it, and strangers must not be able to fill the table. On a route that is public in one of the maps
        everybody counts.
        """
        if request.target is None or not self.is_running:
            return
        try:
            self._compare(request, request.target, decision, state)
        except Exception:  # a failure of the comparison must not reach an answer
            log.exception("shadow_failed")
            self.is_running = False

    def _compare(self, request: AccessRequest, target: str, decision: Decision, state: State | None) -> None:
        is_proven = decision.key_id is not None and decision.vendor_id is not None
        new = self._new.read(request.method, target)
        if not (is_proven or decision.is_public or new.is_public) or (path := read_path(target)) is None:
            return
        self.compared += 1
        if (new.category, new.access, new.is_public) != (
            decision.category,
            decision.access,
            decision.is_public,
        ):
            old = self._old.read(request.method, target)
            self._note_difference(request.method, path.plain, old, new, decision, state)

    def _note_difference(
        self,
        method: str,
        segments: tuple[str, ...],
        old: MappedRequest,
        new: MappedRequest,
        decision: Decision,
        state: State | None,
    ) -> None:
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
        self, method: str, old: MappedRequest, new: MappedRequest, becomes: Becomes
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


def make_shadow(route_map: RouteMap, shadow: RouteMap | None, clock: Clock) -> Shadow | None:
    """Return a shadow of the map in force, None without a map to compare it with."""
    return None if shadow is None else Shadow(route_map, shadow, clock)


def _compare_answers(
    key: SubscriberKey | None, reason: Reason | None, old: MappedRequest, new: MappedRequest
) -> Becomes:
    if old.is_public:
        return Becomes.ALLOW_TO_DENY  # whoever comes without a key: those of this request were not looked at
    # A request that is denied for its keys is denied under either map, unless the route becomes public.
    was_allowed = reason not in _OF_KEYS and _allows(key, old)
    is_allowed = new.is_public or (reason not in _OF_KEYS and _allows(key, new))
    if was_allowed == is_allowed:
        return Becomes.SAME_ANSWER
    return Becomes.ALLOW_TO_DENY if was_allowed else Becomes.DENY_TO_ALLOW


def _allows(key: SubscriberKey | None, asked: MappedRequest) -> bool:
    return judge_request(key, asked.is_clear, asked.category, asked.access) is None


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
