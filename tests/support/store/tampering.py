"""A ledger with signed heads in a real database, and a hostile DBA who has it alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from keyfold.wire.events.chain import GENESIS, Head, Row, hash_row
from keyfold.wire.events.codec import encode_event
from keyfold.wire.proof.signed_head import HeadClaim, SignedHead, format_line, key_id_of, sign
from keyfold.wire.timestamp import format_time, parse_time
from tests.support.ledger_builder import START, LedgerBuilder, account_created, key_created, key_revoked
from tests.support.seals import SIGNER
from tests.support.wire.signed_heads import KEY, OTHER_KEY, event_of, sign_claim

COLUMNS = Row.__struct_fields__
SELECT = """
select position, stream, version, event_id::text, type, schema_version, data, actor_role, actor_subject,
    request_id, recorded_at, traceparent, hash
from ledger.events where position >= $1 order by position
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """A ledger with signed heads of 4 and 9 at positions 5 and 10, two more events, and the file."""

    builder: LedgerBuilder
    file: bytes


def make_vouched() -> Vouched:
    """Return a ledger of 12 events."""
    builder, lines = LedgerBuilder(), []
    for turn in (1, 2):
        for event in (
            account_created(turn),
            key_created(turn, account=turn),
            key_created(turn + 10, account=turn),
            key_revoked(turn, account=turn),
        ):
            builder.add(event)
        checkpoint = sign_claim(builder.head)
        builder.add(event_of(checkpoint))
        lines.append(format_line(checkpoint))
    builder.add(account_created(3))
    builder.add(key_created(3, account=3))
    return Vouched(builder=builder, file=b"".join(lines))


class Dba:
    """Changes the ledger as the database's owner can, from plain updates to a new chain."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def write(self, rows: Sequence[tuple[Row, bytes]]) -> None:
        """Insert rows unchanged, and nothing else."""
        records = [_record(row, row_hash) for row, row_hash in rows]
        await self._connection.copy_records_to_table(
            "events", schema_name="ledger", records=records, columns=[*COLUMNS, "hash", "seal"]
        )

    async def move_head(self) -> None:
        """Set the head to the last event, with the seal that it has."""
        await self.run(
            "update ledger.head set"
            " (position, hash, recorded_at, seal, seal_key, sealed_position) ="
            " (select position, hash, recorded_at, seal, $1::bytea, position from ledger.events"
            " order by position desc limit 1)",
            SIGNER.public_key,
        )

    async def run(self, sql: str, *arguments: object) -> None:
        """Run a statement."""
        await self._connection.execute(sql, *arguments)

    async def rehash(self, first: int, *, last: int | None = None) -> None:
        """Hash the rows from `first` to `last`, or all, again, each following from the one before."""
        head = await self._head_before(first)
        for row in await self._rows(first):
            if last is not None and row.position > last:
                return
            head = Head(position=row.position, hash=hash_row(head.hash, row))
            await self.run("update ledger.events set hash = $2 where position = $1", row.position, head.hash)
        await self.move_head()

    async def shift(self, first: int, by: int) -> None:
        """Move every row from `first` on to another position."""
        # By way of positions that nobody has, for a statement that met its own rows would fail.
        far = 1_000_000
        await self.run("update ledger.events set position = position + $2 where position >= $1", first, far)
        await self.run(
            "update ledger.events set position = position - $1 where position >= $2", far - by, far
        )

    async def hash_at(self, position: int) -> bytes:
        """Return the hash at a position."""
        found: bytes = await self._connection.fetchval(
            "select hash from ledger.events where position = $1", position
        )
        return found

    async def _head_before(self, position: int) -> Head:
        if position == 1:
            return GENESIS
        return Head(position=position - 1, hash=await self.hash_at(position - 1))

    async def _rows(self, first: int) -> list[Row]:
        return [_row(record) for record in await self._connection.fetch(SELECT, first)]


@asynccontextmanager
async def dba_of(dsn: str, rows: Sequence[tuple[Row, bytes]] = ()) -> AsyncIterator[Dba]:
    """Yield the DBA of a database, with these rows as its ledger."""
    connection = await asyncpg.connect(dsn)
    try:
        dba = Dba(connection)
        if rows:
            await dba.write(rows)
            await dba.move_head()
        yield dba
    finally:
        await connection.close()


def forge(position: int, head_hash: bytes) -> tuple[str, str]:
    """Return the type and data of a signed head that names the right key and is signed with another."""
    named = HeadClaim(
        position=position,
        head_hash=head_hash,
        at=START,
        signing_key_id=key_id_of(KEY.public_key()),
    )
    return encode_event(event_of(SignedHead(claim=named, signature=sign(named, OTHER_KEY))))


def _record(row: Row, row_hash: bytes) -> tuple[object, ...]:
    values: list[object] = [getattr(row, name) for name in COLUMNS]
    values[COLUMNS.index("recorded_at")] = parse_time(row.recorded_at)
    return (*values, row_hash, SIGNER.seal(Head(position=row.position, hash=row_hash)))


def _row(record: Mapping[str, Any]) -> Row:
    values = {name: record[name] for name in COLUMNS}
    return Row(**{**values, "recorded_at": format_time(record["recorded_at"])})
