"""Answers of commands, kept for those who ask again because they did not hear the first one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import VersionConflict, translate_errors
from keyfold.store.postgres.statements import load_statements

LIFE = timedelta(hours=24)
"""How long an answer is kept: from then on its id is free again."""

_PURGE_ROWS_MAX = 1000

_sql = load_statements("ledger/idempotency_records")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """For whom an answer is kept, by digests (32 bytes) that are nobody else's.

    `login` is one of several of a tenant; None for a caller that belongs to no tenant and is one of its own.
    """

    tenant: bytes
    login: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIdempotencyRecord:
    """An answer to keep. `events` counts the events that are recorded with it, up to its command's last.

    `id` (32 bytes) names the caller and its key, `fingerprint` (32 bytes) the request. Only who knows the key
    can read `sealed`.
    """

    id: bytes
    fingerprint: bytes
    sealed: bytes
    events: int
    keeper: Keeper


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """A kept answer, and the position of the ledger from which on it held."""

    fingerprint: bytes
    sealed: bytes
    position: int


async def keep(
    connection: Connection, answers: Sequence[NewIdempotencyRecord], start: int, now: datetime
) -> None:
    """Keep the answers in the transaction that records their events, which follow the position `start`.

    Raises VersionConflict when another request with one of the ids was faster.
    """
    rows = _sql.keep(
        connection,
        ids=[each.id for each in answers],
        fingerprints=[each.fingerprint for each in answers],
        sealed=[each.sealed for each in answers],
        positions=[start + each.events for each in answers],
        tenants=[each.keeper.tenant for each in answers],
        logins=[each.keeper.login for each in answers],
        kept_at=now,
        life_s=LIFE.total_seconds(),
    )
    kept = {row["id"] async for row in rows}
    if taken := [f"answer {each.id.hex()}" for each in answers if each.id not in kept]:
        raise VersionConflict(taken)


class IdempotencyRecords:
    """The kept answers, for whoever removes the old ones."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def purge(self, now: datetime) -> int:
        """Remove all that are older than `LIFE`; return how many. Raises DatabaseAway."""
        removed = 0
        while count := await self._purge_some(now - LIFE):
            removed += count
        return removed

    async def _purge_some(self, kept_until: datetime) -> int:
        with translate_errors():
            async with self._pool.acquire() as connection:
                return int(await _sql.purge(connection, kept_until=kept_until, limit=_PURGE_ROWS_MAX))
