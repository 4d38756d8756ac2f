"""Commands that several processes run on one ledger, and the ledger afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from keyfold.domain.lifecycle.fold import RecordedEvent
from keyfold.registry.commands.execution import Commands, Outcome
from keyfold.registry.commands.handler import Command
from keyfold.runtime.clock import SYSTEM_CLOCK, Clock
from keyfold.store.ledger.append import Ledger
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.wire.events.chain import GENESIS, understand
from tests.support.key_commands import OTTO
from tests.support.lifecycle_events import account_created
from tests.support.seals import follow, ledger_on
from tests.support.store.events import draft


class SetClock:
    """The system's clock, moved by as much as a test says."""

    def __init__(self) -> None:
        self.moved_by = timedelta(0)

    def now(self) -> datetime:
        """Wall-clock time as the test sets it."""
        return SYSTEM_CLOCK.now() + self.moved_by

    def monotonic_s(self) -> float:
        """Seconds on a clock that never goes back."""
        return SYSTEM_CLOCK.monotonic_s()

    def new_event_id(self) -> str:
        """Return a UUIDv7."""
        return SYSTEM_CLOCK.new_event_id()

    def random_bytes(self, count: int) -> bytes:
        """Return random bytes."""
        return SYSTEM_CLOCK.random_bytes(count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """Several registries, as it were: each with its own connections and batches."""

    pools: Sequence[Pool]
    ledgers: Sequence[Ledger]
    commands: Sequence[Commands]

    async def run_all(self, asked: Sequence[Command]) -> list[Outcome]:
        """Run the commands at once, distributed among the processes."""
        return await asyncio.gather(
            *(
                self.commands[index % len(self.commands)].run(command, OTTO)
                for index, command in enumerate(asked)
            )
        )

    async def events(self) -> list[RecordedEvent]:
        """Return every event, after following the chain from the start to the head: no gap, no repeat."""
        events, at = [], GENESIS
        while rows := await self.ledgers[0].rows_after(at.position, 1000):
            for row, row_hash, _ in rows:
                after = follow(at, row, row_hash)
                assert after is not None, "a position is repeated"
                at = after
                events.append(understand(row, row_hash))
        assert await self.ledgers[0].head() == at
        return events


@asynccontextmanager
async def processes(
    database: str, count: int = 2, *, accounts: int = 1, clock: Clock = SYSTEM_CLOCK
) -> AsyncIterator[Processes]:
    """Yield this many, on a ledger with this many accounts, numbered from 0."""
    async with AsyncExitStack() as stack:
        opened = [open_pool(database, application_name="test") for _ in range(count)]
        pools = [await stack.enter_async_context(each) for each in opened]
        ledgers = [ledger_on(pool) for pool in pools]
        drafts = [draft(account_created(number)) for number in range(accounts)]
        await ledgers[0].append(drafts, {each.stream: 0 for each in drafts}, clock.now())
        yield Processes(
            pools=pools, ledgers=ledgers, commands=[Commands(ledger, clock) for ledger in ledgers]
        )
