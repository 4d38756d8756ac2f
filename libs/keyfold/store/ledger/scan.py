"""The whole ledger as it is at one moment, read as fast as possible and without trusting any of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from keyfold.domain.lifecycle.signatures.signed_head import LEDGER_STREAM
from keyfold.store.postgres.connection import Connection, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.events.chain import Fields, Head
from keyfold.wire.proof.ledger_proof import HeadRow
from keyfold.wire.proof.signed_head_proof import SignedHeadRow

PAGE_ROWS = 1000
"""Larger pages are slower: what the driver makes of one no longer fits the processor's cache."""

_sql = load_statements("ledger/scan")


class LedgerScan:
    """Reads within one transaction: however long it takes, all of it is the ledger of one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def head(self) -> HeadRow | None:
        """Return the head's row, None where somebody removed it. Raises DatabaseAway."""
        with translate_errors():
            record = await _sql.head(self._connection)
        if record is None:
            return None
        head = Head(position=record["position"], hash=record["hash"])
        return HeadRow(head=head, recorded_at=record["recorded_at"])

    async def checkpoints(self) -> list[SignedHeadRow]:
        """Return the events of the stream of checkpoints in order. Raises DatabaseAway."""
        with translate_errors():
            rows = _sql.checkpoints(self._connection, stream=LEDGER_STREAM)
            return [SignedHeadRow(**dict(record)) async for record in rows]

    async def pages(self) -> AsyncIterator[list[tuple[Fields, bytes, bytes | None]]]:
        """Yield every row in order with its hash and seal, `PAGE_ROWS` at a time. Raises DatabaseAway."""
        with translate_errors():
            cursor = await self._connection.cursor(_sql.rows.sql)
            while page := await cursor.fetch(PAGE_ROWS):
                yield [(record[:12], record[12], record[13]) for record in page]


@asynccontextmanager
async def open_scan(dsn: str) -> AsyncIterator[LedgerScan]:
    """Yield a reader of the ledger as it is now, with no bound on its time. Raises DatabaseAway."""
    async with open_connection(dsn, application_name="ledger scan", statement_timeout_s=0) as connection:
        with translate_errors():
            transaction = connection.transaction(isolation="repeatable_read", readonly=True)
            async with transaction:
                yield LedgerScan(connection)
