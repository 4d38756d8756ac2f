"""A registry that takes checkpoints, and the file where it files them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from keyfold.registry.commands.execution import Commands
from keyfold.registry.ledger.heads_file import CheckpointFile
from keyfold.registry.ledger.heads_filing import CheckpointFiling
from keyfold.registry.ledger.signing_means import CheckpointMeans
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.ledger.signed_heads import Checkpoints
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.wire.proof.signed_head import parse_line
from tests.support.registry.serving import OPERATOR, Registry, instance
from tests.support.runtime.tokens import SetClock
from tests.support.seals import ledger_on
from tests.support.wire.signed_heads import KEY

PATH = "/v1/ledger/checkpoints"
AT = datetime(2030, 3, 1, 9, 30, tzinfo=UTC)


class LedgerClock(SetClock):
    """A clock that stands still, and whose ids the ledger takes."""

    def new_event_id(self) -> str:
        return SYSTEM_CLOCK.new_event_id()


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A registry that takes checkpoints, and where it files them."""

    registry: Registry
    pool: Pool
    filing: CheckpointFiling
    file: Path

    @property
    def commands(self) -> Commands:
        """What its daily task would run its commands with."""
        return Commands(ledger_on(self.pool), SYSTEM_CLOCK)

    async def take(self) -> int:
        """Take a checkpoint and return the position that it vouches for."""
        taken = await self.registry.ask(OPERATOR, "POST", PATH)
        assert taken.status == 201, taken.body
        return int(taken.body["position"])

    def filed(self) -> list[int]:
        """Return the positions that the file vouches for, in its order."""
        return [parse_line(line).claim.position for line in self.file.read_bytes().splitlines()]


@asynccontextmanager
async def office_of(database: str, file: Path) -> AsyncIterator[Office]:
    """Yield a registry with a key and a file."""
    async with open_pool(database, application_name="test") as pool:
        filing = CheckpointFiling(Checkpoints(pool), CheckpointFile(file))
        async with instance(database, checkpoint_means=CheckpointMeans(key=KEY, filing=filing)) as registry:
            yield Office(registry=registry, pool=pool, filing=filing, file=file)
