"""A sum of keyed hashes over rows: what a set of rows is, in 32 bytes, whatever their order.

Each row is hashed with a secret that whoever can edit the rows does not have, and the hashes are added modulo
2^256. So adding a row, or taking one away, costs one hash however many rows there are. Without the secret
nobody knows the hash of a row, so nobody can look for other rows that come to the same sum.

That holds only while no sums are shown: whoever sees sums of rows of their own choice can solve for others
(generalised birthday). So a sum leaves a process only sealed, by `SumSecret.seal`.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from struct import Struct
from types import MappingProxyType
from typing import Final

SECRET_BYTES: Final = 32
SUM_BYTES: Final = 32
_MODULUS: Final = 1 << 8 * SUM_BYTES
_TAG_BYTES: Final = 32
_SEALED: Final = Struct(f">q{SUM_BYTES}s")


class RowHash:
    """The keyed hash of rows of one kind; `kind`, of at most 16 bytes, keeps rows of two kinds apart."""

    __slots__ = ("_keyed",)

    def __init__(self, secret: bytes, kind: str) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"a secret has {SECRET_BYTES} bytes, not {len(secret)}")
        # A byte before each row: with it the secret's own block is hashed here, and not again for each row.
        self._keyed = blake2b(b"\0", key=secret, digest_size=SUM_BYTES, person=kind.encode())

    def __call__(self, row: bytes) -> int:
        """Return the hash of a row in its one encoding."""
        keyed = self._keyed.copy()
        keyed.update(row)
        return int.from_bytes(keyed.digest(), "big")

    def add_up(self, rows: Iterable[bytes]) -> int:
        """Return the sum of the hashes of many rows, not reduced: hand it to `KeyedSum.add`."""
        start, total = self._keyed.copy, 0
        for row in rows:  # written out, for a million rows are added up while a gatekeeper starts
            keyed = start()
            keyed.update(row)
            total += int.from_bytes(keyed.digest(), "big")
        return total


class KeyedSum:
    """How many rows there are, and the sum of their hashes, which a `RowHash` makes."""

    __slots__ = ("rows", "total")

    def __init__(self, rows: int = 0, total: int = 0) -> None:
        self.rows = rows
        self.total = total

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyedSum) and (self.rows, self.total) == (other.rows, other.total)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def add(self, row_hash: int, rows: int = 1) -> None:
        """Add a row by its hash, or as many `rows` by the sum of theirs."""
        self.rows += rows
        self.total = (self.total + row_hash) % _MODULUS

    def remove(self, row_hash: int) -> None:
        """Take a row away by its hash."""
        self.rows -= 1
        self.total = (self.total - row_hash) % _MODULUS

    @property
    def value(self) -> bytes:
        """The sum as 32 bytes."""
        return self.total.to_bytes(SUM_BYTES, "big")


class NotSealed(Exception):
    """Sealed sums, or the statement that they were sealed for, were not written by whoever has the secret."""


class SumSecret:
    """A secret of 32 bytes that hashes rows, and seals sums of them for where they are kept.

    A `purpose`, of at most 8 bytes, keeps apart what one secret is used for. Hashes, tags and masks have keys
    of their own, which are derived from it.
    """

    __slots__ = ("_masks", "_rows", "_tags")

    def __init__(self, secret: bytes, purpose: str) -> None:
        self._rows, self._tags, self._masks = (
            blake2b(key=secret, digest_size=SECRET_BYTES, person=f"{purpose} {use}".encode()).digest()
            for use in ("rows", "tags", "masks")
        )

    def row_hash(self, kind: str) -> RowHash:
        """Return the hash of rows of one kind, such as a table; at most 16 bytes name it."""
        return RowHash(self._rows, kind)

    def seal(self, statement: bytes, sums: Mapping[str, KeyedSum]) -> bytes:
        """Return the sums encrypted, and bound to a statement of what they are the sums of.

        The same sums and statement give the same bytes; others give bytes that say nothing of the sums.
        """
        tag = self._tag(statement, sums)
        return tag + b"".join(
            _SEALED.pack(each.rows, _xor(each.value, self._mask(tag, kind))) for kind, each in sums.items()
        )

    def open(self, statement: bytes, kinds: Sequence[str], sealed: bytes) -> Mapping[str, KeyedSum]:
        """Return the sums of these kinds, in their order, as they were sealed. Raises NotSealed."""
        tag, packed = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
        if len(packed) != _SEALED.size * len(kinds):
            raise NotSealed
        sums = {
            kind: KeyedSum(rows, int.from_bytes(_xor(masked, self._mask(tag, kind)), "big"))
            for kind, (rows, masked) in zip(kinds, _SEALED.iter_unpack(packed), strict=True)
        }
        if not hmac.compare_digest(tag, self._tag(statement, sums)):
            raise NotSealed
        return MappingProxyType(sums)

    # The tag is over the sums themselves, and the masks are made of the tag (as in SIV, RFC 5297): so no mask
    # is used for two sums, not even if somebody has one position written again after editing rows.
    def _tag(self, statement: bytes, sums: Mapping[str, KeyedSum]) -> bytes:
        tag = blake2b(len(statement).to_bytes(8, "big"), key=self._tags, digest_size=_TAG_BYTES)
        tag.update(statement)
        for kind, each in sums.items():
            tag.update(kind.encode().ljust(blake2b.PERSON_SIZE, b"\0") + _SEALED.pack(each.rows, each.value))
        return tag.digest()

    def _mask(self, tag: bytes, kind: str) -> bytes:
        return blake2b(tag, key=self._masks, digest_size=SUM_BYTES, person=kind.encode()).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(SUM_BYTES, "big")
