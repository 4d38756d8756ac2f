"""The state digest: what rows the read model has, sealed with a secret that its database never sees.

Whoever writes the read model keeps a keyed sum of each table's rows, and seals the sums for the place of the
ledger that the rows are of. Whoever loads the rows adds them up again: other rows show, and so do rows of
another place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Final

from keyfold.wire.events.chain import Head
from keyfold.wire.proof.keyed_sum import KeyedSum, RowHash, SumSecret

STATE_TABLES: Final = ("accounts", "vendors", "keys")
"""The tables whose rows decide."""

_NUMBERS: Final = Struct(">qqqB")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePlace:
    """What a digest is the digest of: the ledger up to `head`, folded into rows of one `shape`.

    `next_offset` is where Kafka goes on after it. `seal_key` is the key in force there to seal the ledger, as
    bytes that mean nothing here.
    """

    head: Head
    next_offset: int
    shape: int
    seal_key: bytes

    def statement(self) -> bytes:
        """Return all of it as bytes, no two places the same."""
        head = self.head
        numbers = _NUMBERS.pack(head.position, self.next_offset, self.shape, len(head.hash))
        return numbers + head.hash + self.seal_key


class StateSecret:
    """The secret that those who write the read model share with those who load it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = SumSecret(secret, "state")
        self.row_hashes: Mapping[str, RowHash] = {
            table: self._secret.row_hash(table) for table in STATE_TABLES
        }

    def seal(self, place: StatePlace, sums: Mapping[str, KeyedSum]) -> bytes:
        """Return the digest of a place: its tables' sums, encrypted and bound to it."""
        return self._secret.seal(place.statement(), {table: sums[table] for table in STATE_TABLES})

    def open(self, place: StatePlace, digest: bytes) -> Mapping[str, KeyedSum]:
        """Return the sums that a digest was made of. Raises NotSealed if it is not this place's."""
        return self._secret.open(place.statement(), STATE_TABLES, digest)


def make_empty_sums() -> Mapping[str, KeyedSum]:
    """Return the sums of tables without rows."""
    return {table: KeyedSum() for table in STATE_TABLES}
