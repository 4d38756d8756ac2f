"""The checkpoints that the ledger holds, in the one stream that is theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keyfold.domain.lifecycle.signatures.signed_head import LEDGER_STREAM, LedgerCheckpointed
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.events.codec import UnknownEvent, decode_event

FIRST_PAGE = 2**63 - 1
"""No version is as high."""

_PAGE = 100
_sql = load_statements("ledger/signed_heads")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCheckpoint:
    """A checkpoint, the position in the ledger that it has itself, and which of them it is, from 1 on."""

    recorded_position: int
    version: int
    event: LedgerCheckpointed


class Checkpoints:
    """Reads checkpoints; a command records them. Raises UnknownEvent where another event stands."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def last(self) -> RecordedCheckpoint | None:
        """Return the last one. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                record = await _sql.last(connection, stream=LEDGER_STREAM)
        return None if record is None else _read(record)

    async def newest(self, before: int, limit: int) -> Sequence[RecordedCheckpoint]:
        """Return up to `limit` below a version of their stream, newest first. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                rows = _sql.newest(connection, stream=LEDGER_STREAM, before=before, limit=limit)
                return [_read(record) async for record in rows]

    async def since(self, vouched: int) -> Sequence[RecordedCheckpoint]:
        """Return those that vouch for this position or more, in their order. Raises DatabaseAway."""
        found: list[RecordedCheckpoint] = []
        before = FIRST_PAGE
        # From the end, for positions grow from checkpoint to checkpoint: little more is read than is wanted.
        while page := await self.newest(before, _PAGE):
            wanted = [each for each in page if each.event.position >= vouched]
            found += wanted
            before = page[-1].version
            if len(wanted) < len(page):
                break
        return found[::-1]


def _read(record: Mapping[str, Any]) -> RecordedCheckpoint:
    event = decode_event(record["type"], record["schema_version"], record["data"])
    if not isinstance(event, LedgerCheckpointed):
        raise UnknownEvent(f"{record['type']} is no checkpoint, and stands in their stream")
    return RecordedCheckpoint(recorded_position=record["position"], version=record["version"], event=event)
