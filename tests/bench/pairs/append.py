"""append: commands that make keys, decided and recorded in batches, against one connection's bare inserts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from statistics import quantiles

from keyfold.domain.lifecycle.fold import stream_of
from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyCreated
from keyfold.domain.permissions import NO_PERMISSIONS
from keyfold.registry.commands.execution import Commands, Done
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.ledger.append import Ledger
from keyfold.store.postgres.connection import Connection, open_connection, open_pool
from keyfold.wire.events.codec import encode_event
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.support.key_commands import OTTO, create_key
from tests.support.lifecycle_events import account_created, key_created
from tests.support.seals import ledger_on
from tests.support.store.events import append_new

CREATES = Figure(name="creates/s")
P99 = Figure(name="p99 ms", more_is_better=False)
CONCURRENT = (1, 32, 128)
ACCOUNTS = 2000
GO_S = 1.0
QUARTER = 0.25
BARE_TABLE = "create table public.bare (like ledger.events including all)"
INSERT = """
insert into public.bare (position, stream, version, event_id, type, schema_version, data, actor_role,
    actor_subject, request_id, recorded_at, hash)
values ($1, $2, 1, $3, $4, 1, $5, $6, $7, $8, $9, $10)
"""
HASH = bytes(32)

Work = Callable[[int], Awaitable[object]]


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield one for each number of callers, and one for how long callers wait when a quarter as many come."""
    dsn = await ground.database()
    async with (
        open_pool(dsn, application_name="bench", plans_once=True) as pool,
        open_connection(dsn, application_name="bare") as connection,
    ):
        await connection.execute(BARE_TABLE)
        ledger = ledger_on(pool)
        await open_accounts(ledger)
        commands, numbers = Commands(ledger, SYSTEM_CLOCK), count(1)

        async def create(number: int) -> None:
            outcome = await commands.run(create_key(number, account=number % ACCOUNTS), OTTO)
            assert isinstance(outcome, Done), outcome

        async def insert(number: int) -> None:
            await _insert(connection, number)

        yield [
            *(_contest(many, numbers, create, insert) for many in CONCURRENT),
            _quarter(numbers, create),
        ]


def _contest(many: int, numbers: Iterator[int], create: Work, insert: Work) -> Contest:
    return Contest(
        name="create, one at a time" if many == 1 else f"create, {many} at once",
        figures=(CREATES,),
        ours=_side(
            "a command that makes a key: look up, decide, seal, record, commit", many, numbers, create
        ),
        bare=_side("one connection: an insert of such a row, with the same indexes", 1, numbers, insert),
    )


def _side(what: str, many: int, numbers: Iterator[int], work: Work) -> Side:
    async def go() -> Figures:
        return {CREATES.name: await _rate(many, numbers, work)}

    return Side(what=what, go=go)


async def _rate(many: int, numbers: Iterator[int], work: Work) -> float:
    """Let this many callers work until the time is up; return their commands a second."""
    began_s = SYSTEM_CLOCK.monotonic_s()

    async def one_after_another() -> int:
        done = 0
        while SYSTEM_CLOCK.monotonic_s() < began_s + GO_S:
            await work(next(numbers))
            done += 1
        return done

    done = sum(await asyncio.gather(*(one_after_another() for _ in range(many))))
    return done / (SYSTEM_CLOCK.monotonic_s() - began_s)


def _quarter(numbers: Iterator[int], create: Work) -> Contest:
    async def go() -> Figures:
        rate_per_s = QUARTER * await _rate(CONCURRENT[-1], numbers, create)
        return {P99.name: 1000 * _p99(await _paced(rate_per_s, numbers, create))}

    what = f"the same at a quarter of what {CONCURRENT[-1]} at once get done, each when its time has come"
    side = Side(what=what, go=go)
    return Contest(name="create, quarter load", figures=(P99,), ours=side, bare=None)


async def _paced(rate_per_s: float, numbers: Iterator[int], work: Work) -> Sequence[float]:
    """Let callers come at a rate, whether or not earlier ones are done; return how long each waited."""
    began_s = SYSTEM_CLOCK.monotonic_s()

    async def one(due_s: float) -> float:
        await asyncio.sleep(max(0.0, due_s - SYSTEM_CLOCK.monotonic_s()))
        await work(next(numbers))
        return SYSTEM_CLOCK.monotonic_s() - due_s

    return await asyncio.gather(
        *(one(began_s + number / rate_per_s) for number in range(int(GO_S * rate_per_s)))
    )


def _p99(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=100)[98]


async def open_accounts(ledger: Ledger) -> None:
    """Open the accounts in which keys are made."""
    await append_new(ledger, map(account_created, range(ACCOUNTS)))


async def _insert(connection: Connection, number: int) -> None:
    event = _key_created(number)
    name, data = encode_event(event)
    await connection.execute(
        INSERT,
        number,
        stream_of(event),
        SYSTEM_CLOCK.new_event_id(),
        name,
        data,
        OTTO.actor.role,
        OTTO.actor.subject,
        f"request-{number}",
        SYSTEM_CLOCK.now(),
        HASH,
    )


def _key_created(number: int) -> SubscriberKeyCreated:
    return key_created(
        number,
        number % ACCOUNTS,
        permissions=NO_PERMISSIONS,
        digest=number.to_bytes(32),
        secret_hint="kfs_live_…",
        created_at=SYSTEM_CLOCK.now(),
    )
