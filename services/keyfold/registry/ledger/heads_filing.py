"""The checkpoints file kept up with the ledger: whatever is missing there is caught up, each once."""

import asyncio
from typing import Final

import structlog

from keyfold.registry.ledger.heads_file import BadCheckpointFile, CheckpointFile
from keyfold.store.ledger.signed_heads import Checkpoints
from keyfold.store.postgres.errors import DatabaseAway
from keyfold.wire.events.codec import UnknownEvent
from keyfold.wire.proof.signed_head_proof import signed_head_of

INTERVAL_S: Final = 60.0

log = structlog.get_logger(__name__)


class CheckpointFiling:
    """Files what the ledger holds; what fails is logged, and tried again the next time."""

    def __init__(self, checkpoints: Checkpoints, file: CheckpointFile) -> None:
        self._checkpoints = checkpoints
        self._file = file

    async def run(self) -> None:
        """Catch up now and then, for another registry may have taken a checkpoint; never return."""
        while True:
            await self.catch_up()
            await asyncio.sleep(INTERVAL_S)

    async def catch_up(self) -> None:
        """Append the ledger's checkpoints that the file has not, on disk when this returns."""
        try:
            if filed := await self._file_missing():
                log.info("checkpoints_filed", checkpoints=filed)
        except (BadCheckpointFile, OSError) as fault:
            log.error("checkpoints_not_filed", reason=str(fault))
        except UnknownEvent as fault:
            log.error("checkpoints_unreadable", reason=str(fault), do="keyfold ledger verify")
        except DatabaseAway as away:
            log.warning("waiting", what="PostgreSQL", reason=str(away), work="checkpoints file")

    async def _file_missing(self) -> int:
        last = await asyncio.to_thread(self._file.last)
        vouched = 0 if last is None else last.claim.position
        known = [signed_head_of(each.event) for each in await self._checkpoints.since(vouched)]
        if last is not None and last not in known:
            log.error("checkpoint_gone_from_ledger", position=vouched, do="keyfold ledger verify")
        return await asyncio.to_thread(self._file.append, known)
