"""A gatekeeper's core in a test: a practice applied, a lease held, a journal in a real directory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.state import State
from keyfold.gatekeeper.authz.answers import AuthzAnswer
from keyfold.gatekeeper.authz.authorizer import Authz
from keyfold.gatekeeper.authz.denial_aggregation import DenialAggregation
from keyfold.gatekeeper.authz.policy import AuthzPolicy
from keyfold.gatekeeper.authz.policy_in_force import PolicyInForce
from keyfold.gatekeeper.authz.rate_limiter import RateLimiter
from keyfold.gatekeeper.authz.request.headers import Fields
from keyfold.gatekeeper.authz.request.presented_keys import KeyHeaders
from keyfold.gatekeeper.authz.request.question import Questions
from keyfold.gatekeeper.gateways import Gateway, GatewayKind, Gateways
from keyfold.gatekeeper.journal.directory import RunDirectory
from keyfold.gatekeeper.journal.segment import Segment
from keyfold.gatekeeper.journal.writer import Journal
from keyfold.gatekeeper.replica.lease import Beat, Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.gatekeeper.settings import JournalSync
from keyfold.wire.access.codec import decode_access_event
from keyfold.wire.journal.line import read_journal_line
from tests.support.gatekeeper.practice import AT, BOTH, practice
from tests.support.runtime.tokens import SetClock

NOW: Final = AT + timedelta(days=1)
STALENESS_MAX_S: Final = 60.0
WAIT_MAX_S: Final = 0.5
TOKEN, NGINX_TOKEN = "token", "nginx-token"
POLICY: Final = AuthzPolicy(
    gateways=Gateways(
        (
            Gateway(name="caddy", kind=GatewayKind.FORWARDED, token_digest=sha256(TOKEN.encode()).digest()),
            Gateway(
                name="nginx", kind=GatewayKind.ORIGINAL, token_digest=sha256(NGINX_TOKEN.encode()).digest()
            ),
        )
    ),
    route_map=parse_route_map("/v1/patient/** patient\n/v1/appointment/** appointment\n/v1/note/** clinical"),
    key_headers=KeyHeaders(vendor="x-api-key", subscriber="A-api-key"),
    client_ip="full",
)
KEYS: Final[Fields] = {
    "x-gateway-token": [TOKEN],
    **{name.lower(): [secret] for name, secret in BOTH.items()},
}


class Clock(SetClock):
    """A clock that stands still and gives UUIDs."""

    def new_event_id(self) -> str:
        super().new_event_id()
        return f"0195f000-0000-7000-8000-{self.made:012x}"


class Nameless:
    """An exchange to which it is all the same which gateway asks."""

    def recognise(self, gateway: str) -> None:
        """Take no note."""


@dataclass
class Waiting(Nameless):
    """An exchange that keeps its answers."""

    answers: list[AuthzAnswer] = field(default_factory=list)

    def respond(self, answer: AuthzAnswer) -> None:
        """Keep it."""
        self.answers.append(answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heart:
    """What answers depend on."""

    authz: Authz
    replica: Replica
    lease: Lease
    clock: Clock
    journal: Journal
    limiter: RateLimiter
    root: Path

    def ask(self, method: str = "GET", target: str = "/authz/v1/patient", fields: Fields = KEYS) -> Waiting:
        """Ask, and return at once."""
        waiting = Waiting()
        self.authz.ask(waiting, method, target, fields)
        return waiting

    async def answer(
        self, method: str = "GET", target: str = "/authz/v1/patient", fields: Fields = KEYS
    ) -> AuthzAnswer:
        """Ask, and return the answer, which comes within the tick."""
        waiting = self.ask(method, target, fields)
        await asyncio.sleep(0)
        (answer,) = waiting.answers
        return answer

    def fold(self, event: LifecycleEvent) -> None:
        """Apply one more event."""
        assert self.replica.state is not None
        self.replica.state.fold(event)
        self.replica.load(self.replica.state, self.replica.position + 1, self.clock.now())

    def records(self) -> list[AccessEvent]:
        """Return every record; fails on an incomplete line."""
        return records_in(self.root)


def records_in(root: Path) -> list[AccessEvent]:
    """Return every record of the journals in a directory; fails on an incomplete line."""
    text = b"".join(each.read_bytes() for each in sorted(root.glob("*/*.journal")))
    assert text == b"" or text.endswith(b"\n")
    return [decode_access_event(read_journal_line(line)) for line in text.splitlines()]


def reason_of(answer: AuthzAnswer) -> str | None:
    """Return the reason that an answer gives, None for an allow."""
    return answer.headers.get("X-Keyfold-Reason")


@contextmanager
def heart_in(
    root: Path,
    events: Sequence[LifecycleEvent] = practice(),
    *,
    clock: Clock | None = None,
    new_segment: Callable[[Path, int], Segment] = Segment.create,
    segment_bytes: int = 1 << 20,
    policy: AuthzPolicy = POLICY,
    in_force: PolicyInForce | None = None,
    make_aggregation: Callable[[Journal, Clock], DenialAggregation] | None = None,
) -> Iterator[Heart]:
    """Yield a gatekeeper's heart whose journal is in the directory."""
    state, position = State(), len(events)
    for event in events:
        state.fold(event)
    clock, replica, lease, limiter = (
        clock or Clock(at=NOW),
        Replica(),
        Lease(STALENESS_MAX_S),
        RateLimiter(None),
    )
    replica.load(state, position, clock.now())
    lease.beat(Beat(began_s=clock.monotonic_s(), head=position), position)
    kept = journal_in(RunDirectory(root, "run"), clock, new_segment=new_segment, segment_bytes=segment_bytes)
    aggregation = None if make_aggregation is None else make_aggregation(kept, clock)
    in_force = in_force or PolicyInForce(policy, clock)
    authz = Authz(in_force, replica, lease, kept, limiter, clock, aggregation)
    yield Heart(
        authz=authz, replica=replica, lease=lease, clock=clock, journal=kept, limiter=limiter, root=root
    )
    kept.close()


def journal_in(
    directory: RunDirectory,
    clock: SetClock,
    *,
    segment_bytes: int = 1 << 20,
    bytes_max: int = 1 << 30,
    sync: JournalSync = "off",
    new_segment: Callable[[Path, int], Segment] = Segment.create,
) -> Journal:
    """Return the journal of a run."""
    return Journal(
        directory,
        clock,
        segment_bytes=segment_bytes,
        bytes_max=bytes_max,
        wait_max_s=WAIT_MAX_S,
        sync=sync,
        new_segment=new_segment,
    )


def fields_of(*headers: tuple[str, str]) -> Fields:
    """Return the fields that are kept from a request with these headers."""
    raw = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers]
    return Questions(POLICY).field_names.of(raw)


def with_fields(**changed: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Return the fields of a valid question, with these changes; an underscore stands for a hyphen."""
    return {**KEYS, **{name.replace("_", "-"): values for name, values in changed.items()}}
