"""What rows a run's numbers stand for: keyed hashes of the rows, added up and sealed beside the numbers.

A row that is deleted, added or turned no longer comes to the sum, and nobody without the secret can write
another. The database never sees the secret.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec
import structlog
from msgspec.structs import astuple

from keyfold.domain.access.event import AccessEvent
from keyfold.store.access_log.batch import Hour
from keyfold.store.access_log.run_records import NumberedRecord
from keyfold.store.postgres.connection import Connection
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.proof.keyed_sum import KeyedSum, NotSealed, SumSecret

BLOCK_BITS: Final = 11
"""A block is 2048 numbers, as where the numbers are filed."""
KIND: Final = "access events"
_HOUR_S: Final = 3600

_pack: Final = msgspec.msgpack.Encoder().encode

_sql = load_statements("access_log/completeness/sealed_sums")

log = structlog.get_logger(__name__)


class SealedPlace(NamedTuple):
    """A run's block of numbers within an hour, which is counted since 1970."""

    gatekeeper: str
    block: int
    hour: int

    @property
    def statement(self) -> bytes:
        """What its sum is sealed for."""
        return b"%b\0%d\0%d" % (self.gatekeeper.encode(), self.block, self.hour)


def hour_number(hour: datetime) -> int:
    """Return the number of the hour since 1970."""
    return int(hour.timestamp() // _HOUR_S)


class LogSeal:
    """Adds up the rows of the log and seals the sums."""

    def __init__(self, secret: bytes) -> None:
        self._secret = SumSecret(secret, "log")
        self._row_hash = self._secret.row_hash(KIND)

    def add_up(self, events: Iterable[AccessEvent]) -> int:
        """Return the sum of the hashes of rows, not reduced."""
        return self._row_hash.add_up(map(_pack_row, events))

    def open(self, place: SealedPlace, sealed: bytes | None) -> KeyedSum | None:
        """Return the sum of a place; None if there is none, or it was not sealed with this secret for it."""
        if sealed is None:
            return None
        try:
            return self._secret.open(place.statement, (KIND,), sealed)[KIND]
        except NotSealed:
            return None

    async def add(
        self, connection: Connection, filed: Iterable[Hour], others: Iterable[NumberedRecord] = ()
    ) -> None:
        """Add rows to the sums of their places, whose numbers were noted in this transaction already.

        A run's `others` are signed by the run itself: they count, and add nothing.
        """
        found: defaultdict[SealedPlace, list[AccessEvent]] = defaultdict(list)
        for hour, events in filed:
            for event in events:
                found[SealedPlace(event.gatekeeper, event.seq >> BLOCK_BITS, hour)].append(event)
        sums = {place: KeyedSum() for place in found}
        for place, events in found.items():
            sums[place].add(self.add_up(events), len(events))
        for hour, run, seq in others:
            sums.setdefault(SealedPlace(run, seq >> BLOCK_BITS, hour), KeyedSum()).rows += 1
        if not sums:
            return
        places = sorted(sums)
        before = await self._read(connection, places)
        sealed = [self._seal(place, sums[place], before[place]) for place in places]
        await _sql.write(connection, **_columns(places), sealed=sealed)

    async def _read(
        self, connection: Connection, places: list[SealedPlace]
    ) -> dict[SealedPlace, tuple[int, bytes | None]]:
        """Return how many rows each place had before this transaction, and their sealed sum."""
        rows = _sql.read(connection, **_columns(places))
        return {
            SealedPlace(row["gatekeeper"], row["block"], hour_number(row["hour"])): (
                row["filed"],
                row["sealed"],
            )
            async for row in rows
        }

    def _seal(self, place: SealedPlace, added: KeyedSum, before: tuple[int, bytes | None]) -> bytes | None:
        filed, sealed = before
        if sealed is None:
            # Rows from before there were sums stay without one; what is all new gets one.
            return self._secret.seal(place.statement, {KIND: added}) if filed == added.rows else None
        known = self.open(place, sealed)
        if known is None:
            log.error("sum_not_sealed", gatekeeper=place.gatekeeper, block=place.block)
            return sealed
        known.add(added.total, added.rows)
        return self._secret.seal(place.statement, {KIND: known})


def _pack_row(event: AccessEvent) -> bytes:
    # The fields in their order: half of what the event's JSON takes, in time and in length.
    return _pack(astuple(event))


def _columns(places: list[SealedPlace]) -> dict[str, list[object]]:
    return {
        "gatekeepers": [each.gatekeeper for each in places],
        "blocks": [each.block for each in places],
        "hours": [datetime.fromtimestamp(each.hour * _HOUR_S, UTC) for each in places],
    }
