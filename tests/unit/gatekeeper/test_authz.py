"""What may happen between a decision and its answer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from multidict import CIMultiDict
from structlog.testing import capture_logs

from libs.domain.decision import Reason
from libs.domain.lifecycle import LifecycleEvent
from libs.domain.route_map_text import parse_route_map
from libs.domain.state import State
from libs.domain.subscriber_key import SubscriberKeyRotated
from libs.domain.vendor_key import VendorKeyRotated
from libs.wire.access_codec import decode_access_event
from libs.wire.journal_line import read_journal_line
from libs.wire.key_format import KeyKind, MintedKey, mint
from services.gatekeeper.answers import Answer
from services.gatekeeper.authz import Authz
from services.gatekeeper.gateway_warnings import INTERVAL_S
from services.gatekeeper.gateways import Gateway, GatewayKind, Gateways
from services.gatekeeper.journal import Journal
from services.gatekeeper.journal_directory import RunDirectory
from services.gatekeeper.lease import Beat, Lease
from services.gatekeeper.policy import Policy
from services.gatekeeper.presented_keys import KeyHeaders
from services.gatekeeper.replica import Replica
from tests.integration.gatekeeper.practice import (
    ACCOUNT,
    AT,
    BOTH,
    KEY,
    VENDOR,
    VENDOR_KEY,
    practice,
    revoked,
)
from tests.unit.runtime.tokens import SetClock

STALENESS_MAX_S = 60.0
POLICY = Policy(
    gateways=Gateways(
        (Gateway(name="caddy", kind=GatewayKind.FORWARDED, token_digest=sha256(b"token").digest()),)
    ),
    route_map=parse_route_map("/v1/patient/** patient"),
    key_headers=KeyHeaders(vendor="x-api-key", subscriber="A-api-key"),
    client_ip="full",
)
HEADERS = CIMultiDict({**BOTH, "X-Gateway-Token": "token"})


class Clock(SetClock):
    """A clock that stands still and gives UUIDs."""

    def new_event_id(self) -> str:
        super().new_event_id()
        return f"0195f000-0000-7000-8000-{self.made:012x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What answers depend on."""

    authz: Authz
    replica: Replica
    clock: Clock
    journal: Journal
    root: Path

    def records(self) -> list[tuple[int, Reason | None]]:
        """Return number and reason of every record."""
        text = b"".join(each.read_bytes() for each in sorted(self.root.glob("*/*.journal")))
        events = [decode_access_event(read_journal_line(line)) for line in text.splitlines()]
        return [(event.seq, event.reason) for event in events]


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    """A gatekeeper's heart, with a practice applied and a lease held."""
    state, events = State(), practice()
    for event in events:
        state.fold(event)
    position = len(events)
    clock, replica, lease = Clock(), Replica(), Lease(STALENESS_MAX_S)
    replica.load(state, position, clock.now())
    lease.beat(Beat(began_s=clock.monotonic_s(), head=position), position)
    journal = Journal(RunDirectory(tmp_path, "run"), segment_bytes=1 << 20, bytes_max=1 << 20)
    authz = Authz(POLICY, replica, lease, journal, clock)
    yield Parts(authz=authz, replica=replica, clock=clock, journal=journal, root=tmp_path)
    journal.close()


async def asked(parts: Parts) -> asyncio.Task[Answer]:
    """Ask, and return when it is read and neither decided nor written."""
    answer = asyncio.create_task(parts.authz.answer("GET", "/authz/v1/patient", HEADERS))
    await asyncio.sleep(0)
    assert parts.records() == []
    return answer


async def written(parts: Parts) -> asyncio.Task[Answer]:
    """Ask, and return when an allow is decided and written, and not answered."""
    answer = await asked(parts)
    await asyncio.sleep(0)
    assert parts.records() == [(1, None)]
    assert not answer.done()
    return answer


async def test_an_allow_is_written_before_it_is_answered(parts: Parts) -> None:
    """Once the answer is there, its record is."""
    answer = await (await written(parts))
    assert (answer.status, parts.records()) == (200, [(1, None)])


async def test_a_process_that_slept_through_its_lease_does_not_allow(parts: Parts) -> None:
    """A pause between the decision and the answer that outlasts the lease makes the answer `stale`."""
    answering = await written(parts)
    parts.clock.seconds += STALENESS_MAX_S
    answer = await answering
    assert (answer.status, answer.headers["X-Keyfold-Reason"]) == (503, "stale")


async def test_a_revocation_that_is_applied_meanwhile_counts(parts: Parts) -> None:
    """What was decided before a revocation is not allowed after it: it may be confirmed by then."""
    answering = await written(parts)
    state = parts.replica.state
    assert state is not None
    parts.replica.load(state, parts.replica.position + 1, parts.clock.now())
    state.fold(revoked())
    answer = await answering
    assert (answer.status, answer.headers["X-Keyfold-Reason"]) == (503, "stale")


@pytest.mark.parametrize("kind", KeyKind)
async def test_a_replaced_secret_stops_at_its_instant(parts: Parts, kind: KeyKind) -> None:
    """Until the overlap's end both secrets pass, from then on the new one alone, without any event."""
    new = mint(kind, (KEY if kind is KeyKind.SUBSCRIBER else VENDOR_KEY).key_id[4:], (77).to_bytes(32))
    state, ends_at = parts.replica.state, parts.clock.now() + timedelta(hours=1)
    assert state is not None
    state.fold(rotated(kind, new, ends_at))
    header = "A-api-key" if kind is KeyKind.SUBSCRIBER else "x-api-key"
    unknown = f"unknown_{'subscriber' if kind is KeyKind.SUBSCRIBER else 'vendor'}_key"

    async def reasons() -> list[str | None]:
        answers = [
            await parts.authz.answer("GET", "/authz/v1/patient", headers)
            for headers in (HEADERS, CIMultiDict({**HEADERS, header: new.secret}))
        ]
        return [answer.headers.get("X-Keyfold-Reason") for answer in answers]

    assert await reasons() == [None, None]
    parts.clock.at = ends_at - timedelta(microseconds=1)
    assert await reasons() == [None, None]
    parts.clock.at = ends_at
    assert await reasons() == [unknown, None]


def rotated(kind: KeyKind, new: MintedKey, ends_at: datetime) -> LifecycleEvent:
    """Return a rotation that leaves the secret before working until then."""
    if kind is KeyKind.SUBSCRIBER:
        return SubscriberKeyRotated(
            key_id=new.key_id,
            account_id=ACCOUNT,
            digest=new.digest,
            secret_hint=new.secret_hint,
            rotated_at=AT,
            overlap_ends_at=ends_at,
        )
    return VendorKeyRotated(
        key_id=new.key_id,
        vendor_id=VENDOR,
        digest=new.digest,
        secret_hint=new.secret_hint,
        rotated_at=AT,
        overlap_ends_at=ends_at,
    )


async def test_what_comes_before_the_write_is_decided_on(parts: Parts) -> None:
    """Nothing comes between a decision and its record: answer and record have one reason."""
    answering = await asked(parts)
    state = parts.replica.state
    assert state is not None
    parts.replica.load(state, parts.replica.position + 1, parts.clock.now())
    state.fold(revoked())
    answer = await answering
    assert answer.headers["X-Keyfold-Reason"] == "subscriber_key_revoked"
    assert parts.records() == [(1, Reason.SUBSCRIBER_KEY_REVOKED)]


async def test_another_keys_event_meanwhile_changes_nothing(parts: Parts) -> None:
    """An event that leaves the decision as it was does not spoil the answer."""
    answering = await written(parts)
    state = parts.replica.state
    assert state is not None
    parts.replica.load(state, parts.replica.position + 1, parts.clock.now())
    assert (await answering).status == 200


async def test_what_cannot_be_written_is_not_allowed(parts: Parts) -> None:
    """A journal at its bound refuses with a reason of its own, and nothing is decided on paper."""
    parts.journal.measure(1 << 20)
    answer = await parts.authz.answer("GET", "/authz/v1/patient", HEADERS)
    assert (answer.status, answer.headers["X-Keyfold-Reason"]) == (503, "journal_unavailable")
    assert "X-Keyfold-Decision" not in answer.headers
    assert parts.records() == []


async def test_a_gateway_is_told_on_once_a_minute(parts: Parts) -> None:
    """What its configuration lacks is warned of once a minute with a count, however often it asks."""
    with capture_logs() as logs:
        for _ in range(3):
            await parts.authz.answer("GET", "/authz", HEADERS)
        parts.clock.seconds += INTERVAL_S
        await parts.authz.answer("GET", "/authz", HEADERS)
    lacks = "X-Forwarded-Method is missing; X-Forwarded-Uri is missing"
    warning = {"event": "gateway_misconfigured", "log_level": "warning", "gateway": "caddy", "lacks": lacks}
    assert logs == [{**warning, "kept_back": 0}, {**warning, "kept_back": 2}]
