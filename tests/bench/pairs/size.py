"""size: one command on a ledger of a million events, against the same command on one of a thousand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

from keyfold.registry.commands.execution import Commands, Done
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.postgres.connection import open_connection, open_pool
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.bench.pairs.append import open_accounts
from tests.support.key_commands import OTTO, create_key
from tests.support.seals import ledger_on

EVENTS, EVENTS_FEW = 1_000_000, 1_000
COMMANDS = 200
MS = Figure(name="ms/command", more_is_better=False)
FILL = """
insert into ledger.events (position, stream, version, event_id, type, schema_version, data, actor_role,
    actor_subject, request_id, recorded_at, hash)
select position, 'key-key_' || lpad(position::text, 12, 'x'), 1, gen_random_uuid(),
    'keyfold.subscriber_key.created', 2,
    json_build_object('account_id', 'acc_' || lpad((position % 10000)::text, 12, 'x'),
        'name', 'Key ' || position, 'key_id', 'key_' || lpad(position::text, 12, 'x')),
    'owner', 'otto', 'request-' || position, now() - interval '1 day', decode(repeat('00', 32), 'hex')
from generate_series(1, $1::bigint) as position
"""
MOVE_HEAD = "update ledger.head set position = $1"


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield the one: earlier commands must not make a command slower."""
    async with AsyncExitStack() as stack:
        many = await stack.enter_async_context(_side(ground, EVENTS))
        few = await stack.enter_async_context(_side(ground, EVENTS_FEW))
        yield [Contest(name="create, by the ledger's size", figures=(MS,), ours=many, bare=few)]


@asynccontextmanager
async def _side(ground: Ground, events: int) -> AsyncIterator[Side]:
    dsn = await ground.database()
    async with open_connection(dsn, application_name="fill", statement_timeout_s=0) as connection:
        await connection.execute(FILL, events)
        await connection.execute(MOVE_HEAD, events)
        await connection.execute("vacuum analyze ledger.events")
    async with open_pool(dsn, application_name="bench", plans_once=True) as pool:
        ledger = ledger_on(pool)
        await open_accounts(ledger)
        commands, numbers = Commands(ledger, SYSTEM_CLOCK), count(1)

        async def go() -> Figures:
            began_s = SYSTEM_CLOCK.monotonic_s()
            for number in (next(numbers) for _ in range(COMMANDS)):
                outcome = await commands.run(create_key(number, account=number % 100), OTTO)
                assert isinstance(outcome, Done), outcome
            return {MS.name: 1000 * (SYSTEM_CLOCK.monotonic_s() - began_s) / COMMANDS}

        yield Side(what=f"a command that makes a key, one at a time, after {events:,} events", go=go)
