"""What may happen to a question between its arrival and its answer: nothing that is not said here."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keyfold.domain.access.decision import Reason
from keyfold.gatekeeper.authz.answers import AuthzAnswer
from keyfold.gatekeeper.authz.gateway_warnings import INTERVAL_S
from keyfold.gatekeeper.journal.segment import Segment
from keyfold.wire.keys.format import KeyKind
from tests.support.gatekeeper.heart import (
    STALENESS_MAX_S,
    Clock,
    Heart,
    Nameless,
    heart_in,
    reason_of,
    with_fields,
)
from tests.support.gatekeeper.practice import KEY, VENDOR_KEY, mint_again, revoked, rotated, vendor_rotated


@pytest.fixture
async def heart(tmp_path: Path) -> AsyncIterator[Heart]:
    """A gatekeeper's heart."""
    with heart_in(tmp_path) as heart:
        yield heart


def recorded(heart: Heart) -> list[tuple[int, str | None]]:
    """Return number and reason of every record."""
    return [(record.seq, record.reason) for record in heart.records()]


async def test_an_allow_is_written_before_it_is_answered(heart: Heart) -> None:
    """When the answer is handed over, its record is in the file."""
    seen: list[tuple[int, list[tuple[int, str | None]]]] = []

    class Looking(Nameless):
        def respond(self, answer: AuthzAnswer) -> None:
            seen.append((answer.status, recorded(heart)))

    heart.authz.ask(Looking(), "GET", "/authz/v1/patient", with_fields())
    await asyncio.sleep(0)
    assert seen == [(200, [(1, None)])]


async def test_a_tick_is_answered_in_its_order_and_recorded_without_a_gap(heart: Heart) -> None:
    """Questions of one tick are answered in order; an unknown gateway's takes no number."""
    order: list[int] = []

    class Numbered(Nameless):
        def __init__(self, number: int) -> None:
            self.number = number

        def respond(self, answer: AuthzAnswer) -> None:
            order.append(self.number)
            assert answer.status == (200, 401, 403)[self.number % 3]

    for number in range(9):
        fields = with_fields(x_gateway_token=["nobody's"]) if number % 3 == 1 else with_fields()
        path = "/authz/v1/note" if number % 3 == 2 else "/authz/v1/patient"
        heart.authz.ask(Numbered(number), "GET", path, fields)
    assert (order, recorded(heart)) == ([], [])
    await asyncio.sleep(0)
    assert order == list(range(9))
    assert [seq for seq, _ in recorded(heart)] == list(range(1, 7))


async def test_what_is_applied_before_a_tick_is_decided_on(heart: Heart) -> None:
    """An event applied in a question's tick, after it was read, counts: answer and record agree."""
    waiting = heart.ask()
    heart.fold(revoked())
    await asyncio.sleep(0)
    assert reason_of(waiting.answers[0]) == "subscriber_key_revoked"
    assert recorded(heart) == [(1, Reason.SUBSCRIBER_KEY_REVOKED)]


async def test_nothing_is_applied_between_a_decision_and_its_answer(heart: Heart) -> None:
    """Who applies an event in the tick of a question, after it was answered, finds the answer given."""
    waiting, found = heart.ask(), list[tuple[int, int]]()

    def apply() -> None:
        found.append((len(waiting.answers), len(heart.records())))
        heart.fold(revoked())

    asyncio.get_running_loop().call_soon(apply)
    await asyncio.sleep(0)
    assert (found, waiting.answers[0].status) == ([(1, 1)], 200)
    assert reason_of(await heart.answer()) == "subscriber_key_revoked"


class Nap(Segment):
    """A file in whose writes the process sleeps, for as long as the clock is told."""

    naps_s = 0.0
    clock = Clock()

    def append(self, lines: bytes) -> int:
        self.clock.seconds += self.naps_s
        return super().append(lines)


@pytest.mark.parametrize(("nap_s", "reason"), [(0.19, None), (0.21, "stale"), (1.0, "journal_unavailable")])
async def test_a_process_that_slept_through_its_lease_does_not_allow(
    tmp_path: Path, nap_s: float, reason: str | None
) -> None:
    """A pause while the record is written that outlasts the lease makes the answer `stale`."""

    class Napping(Nap):
        naps_s = nap_s
        clock = Clock()

    with heart_in(tmp_path, clock=Napping.clock, new_segment=Napping.create) as heart:
        heart.clock.seconds += STALENESS_MAX_S - 0.2
        answer = await heart.answer()
        assert (answer.status, reason_of(answer)) == (503 if reason else 200, reason)
        assert recorded(heart) == [(1, None)]


@pytest.mark.parametrize("kind", KeyKind)
async def test_a_replaced_secret_stops_at_its_instant(heart: Heart, kind: KeyKind) -> None:
    """Until the overlap's end both secrets pass, from then on the new one alone, without any event."""
    new = mint_again(kind, KEY if kind is KeyKind.SUBSCRIBER else VENDOR_KEY)
    ends_at = heart.clock.now() + timedelta(hours=1)
    rotate = rotated if kind is KeyKind.SUBSCRIBER else vendor_rotated
    heart.fold(rotate(new, overlap_ends_at=ends_at))
    field = "a-api-key" if kind is KeyKind.SUBSCRIBER else "x-api-key"
    replaced = f"{'subscriber' if kind is KeyKind.SUBSCRIBER else 'vendor'}_key_replaced"

    async def reasons() -> list[str | None]:
        both = with_fields(), {**with_fields(), field: [new.secret]}
        return [reason_of(await heart.answer(fields=each)) for each in both]

    assert await reasons() == [None, None]
    heart.clock.at = ends_at - timedelta(microseconds=1)
    assert await reasons() == [None, None]
    heart.clock.at = ends_at
    assert await reasons() == [replaced, None]


async def test_what_cannot_be_written_is_not_allowed(heart: Heart) -> None:
    """A journal at its bound refuses with a reason of its own, and nothing is decided on paper."""
    heart.journal.measure(1 << 30)
    answer = await heart.answer()
    assert (answer.status, reason_of(answer)) == (503, "journal_unavailable")
    assert "X-Keyfold-Decision" not in answer.headers
    assert recorded(heart) == []


class Failing(Clock):
    """A clock that fails to give the second id."""

    def new_event_id(self) -> str:
        event_id = super().new_event_id()
        if self.made == 2:
            raise LookupError("a secret lies here")
        return event_id


async def test_a_bug_in_one_decision_is_that_requests_alone(tmp_path: Path) -> None:
    """What fails is a 500 that tells nothing and takes no number; the others of its tick are answered."""
    with heart_in(tmp_path, clock=Failing()) as heart, capture_logs() as logs:
        waiting = [heart.ask() for _ in range(3)]
        await asyncio.sleep(0)
        answers = [each.answers[0] for each in waiting]
        assert [answer.status for answer in answers] == [200, 500, 200]
        assert b"secret" not in answers[1].body
        assert recorded(heart) == [(1, None), (2, None)]
    assert [each["event"] for each in logs] == ["decision_failed"]


async def test_a_gateway_is_told_on_once_a_minute(heart: Heart) -> None:
    """What its configuration lacks is warned of once a minute with a count, however often it asks."""
    with capture_logs() as logs:
        for _ in range(3):
            await heart.answer(target="/authz")
        heart.clock.seconds += INTERVAL_S
        await heart.answer(target="/authz")
    lacks = "X-Forwarded-Method is missing; X-Forwarded-Uri is missing"
    warning = {"event": "gateway_misconfigured", "log_level": "warning", "gateway": "caddy", "lacks": lacks}
    assert logs == [{**warning, "kept_back": 0}, {**warning, "kept_back": 2}]
