"""append: a command's event into the ledger, against a bare insert of one row that is as long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

from libs.domain.account import AccountCreated
from libs.domain.ids import AccountId, EventId
from libs.domain.lifecycle import stream_of
from libs.runtime.clock import SYSTEM_CLOCK
from libs.store.connection import Pool, open_pool
from libs.store.ledger import Draft, Ledger
from libs.wire.event_codec import encode_event
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.ledger_builder import OPERATOR

APPENDS = Figure(name="appends/s")
CONCURRENT = 32
GO_S = 1.0
BARE_TABLE = "create table public.bare (like ledger.events including all)"
INSERT = """
insert into public.bare (position, stream, version, event_id, type, schema_version, data, actor_role,
    actor_subject, request_id, recorded_at, hash)
values ($1, $2, 1, $3, $4, 1, $5, $6, $7, $8, $9, $10)
"""
HASH = bytes(32)

Append = Callable[[int], Awaitable[object]]


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield two: one command at a time, and many at once."""
    dsn = await ground.database()
    async with open_pool(dsn, application_name="bench", size_max=CONCURRENT) as pool:
        await pool.execute(BARE_TABLE)
        numbers = count(1)
        yield [
            _contest(name, many, pool, numbers)
            for name, many in (("append, one at a time", 1), (f"append, {CONCURRENT} at once", CONCURRENT))
        ]


def _contest(name: str, many: int, pool: Pool, numbers: Iterator[int]) -> Contest:
    ledger = Ledger(pool)
    return Contest(
        name=name,
        figures=(APPENDS,),
        ours=_side(
            "Ledger.append of one event: lock the head, seal, insert, notify, commit",
            many,
            numbers,
            lambda n: _append(ledger, n),
        ),
        bare=_side(
            "an insert of the same row into a table with the same indexes",
            many,
            numbers,
            lambda n: _insert(pool, n),
        ),
    )


def _side(what: str, many: int, numbers: Iterator[int], append: Append) -> Side:
    async def go() -> Figures:
        began_s = SYSTEM_CLOCK.monotonic_s()
        done = await _until(began_s + GO_S, many, numbers, append)
        return {APPENDS.name: done / (SYSTEM_CLOCK.monotonic_s() - began_s)}

    return Side(what=what, go=go)


async def _until(deadline_s: float, many: int, numbers: Iterator[int], append: Append) -> int:
    """Append from so many tasks until the deadline, and return how many it were."""

    async def one_after_another() -> int:
        done = 0
        while SYSTEM_CLOCK.monotonic_s() < deadline_s:
            await append(next(numbers))
            done += 1
        return done

    return sum(await asyncio.gather(*(one_after_another() for _ in range(many))))


async def _append(ledger: Ledger, number: int) -> None:
    event = _event(number)
    stream = stream_of(event)
    draft = Draft(
        stream=stream,
        event_id=EventId(SYSTEM_CLOCK.new_event_id()),
        event=event,
        actor=OPERATOR,
        request_id=f"request-{number}",
        traceparent=None,
    )
    await ledger.append((draft,), {stream: 0}, SYSTEM_CLOCK.now())


async def _insert(pool: Pool, number: int) -> None:
    event = _event(number)
    name, data = encode_event(event)
    await pool.execute(
        INSERT,
        number,
        stream_of(event),
        SYSTEM_CLOCK.new_event_id(),
        name,
        data,
        OPERATOR.role,
        OPERATOR.subject,
        f"request-{number}",
        SYSTEM_CLOCK.now(),
        HASH,
    )


def _event(number: int) -> AccountCreated:
    return AccountCreated(account_id=AccountId(f"acc_{number:012}"), name=f"Practice {number}")
