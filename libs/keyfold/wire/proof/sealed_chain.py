"""Which rows are the ledger's: those up to a head that the registry has sealed, and no others."""

from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from keyfold.domain.lifecycle.signatures.seal_key import SealKeyAdopted
from keyfold.wire.events.chain import ChainedRow, Head, LedgerGap, hash_row
from keyfold.wire.events.codec import TYPE_NAMES, decode_event
from keyfold.wire.proof.seal import SEAL_EVERY, TrustedKeys, is_proven, is_sealed, is_sealed_at_all

UNSEALED_MAX: Final = 10 * SEAL_EVERY
"""How many rows wait for their seal at most. The ledger's own are a tenth, the rest is for forged ones."""

# The ledger's rows follow each other on the topic; whoever forges many for one position only tires a reader.
_PARENTS_MAX: Final = 32
_SEAL_KEY_ADOPTED: Final = TYPE_NAMES[SealKeyAdopted]

T = TypeVar("T")


class Forged(Exception):
    """A record is not the ledger's. Skip it and raise the alarm: it changes nothing."""


class SealKeyContradicted(Exception):
    """A sealed row changes the key in force in a way that no registry does: stop, and verify the ledger."""


@dataclass(frozen=True, slots=True)
class Believed(Generic[T]):
    """A row that is the ledger's, whatever came with it, and the key in force after it, if any."""

    link: ChainedRow
    source: T
    seal_key: bytes | None


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T]):
    link: ChainedRow
    source: T
    parent: bytes


@dataclass(slots=True)
class SealedChain(Generic[T]):
    """Takes rows as they come, and gives back those that are the ledger's, each once, in order.

    A row that links to the head waits until a seal at or after it is verified, or until a seal shows that
    another is in its place: it is forged then. A `source` comes with each row and is given back with it.
    `seal_key` is the key in force at the head, None before the first seal, which any trusted key may make. If
    `accepts_unsealed`, rows count without a seal until then, as they did in the version before seals.
    """

    head: Head
    trusted: TrustedKeys
    seal_key: bytes | None = None
    unsealed_max: int = UNSEALED_MAX
    accepts_unsealed: bool = False
    gap: LedgerGap | None = None
    _waiting: dict[bytes, _Waiting[T]] = field(default_factory=dict)
    _at: dict[int, list[bytes]] = field(default_factory=dict)

    @property
    def unsealed(self) -> int:
        """How many rows wait for a seal."""
        return len(self._waiting)

    @property
    def oldest(self) -> T | None:
        """What came with the row that has waited longest."""
        return next((each.source for each in self._waiting.values()), None)

    def take(self, link: ChainedRow, source: T) -> tuple[list[Believed[T]], list[T]]:
        """Return the rows that are believed now, and the sources of those that turn out to be forged.

        Raises Forged for a row that can never be the ledger's, SealKeyContradicted, and UnknownEvent for a
        key's adoption. If a seal is good and rows before it are missing, `gap` says so until they have come.
        """
        if link.row.position <= self.head.position:
            return [], []  # the relay repeats itself after a crash
        sealed_by = None if link.seal is None else self._find_sealer(link.head, link.seal)
        if link.hash not in self._waiting:
            parent = self._find_parent(link)
            # What is before the head's next row is known: if the hash is wrong, the seal is another row's.
            if parent is None and (sealed_by is None or link.row.position == self.head.position + 1):
                raise Forged("it does not follow the ledger's last event, and no seal vouches for it")
            if parent is None:
                if self.gap is None:
                    last = max(self._at, default=self.head.position)
                    self.gap = LedgerGap(last=last, found=link.row.position)
                return [], []
            self._waiting[link.hash] = _Waiting(link, source, parent)
            self._at.setdefault(link.row.position, []).append(link.hash)
        if sealed_by is None and self._counts_unsealed(link):
            return self._believe(link.hash, None), self._forget()
        if sealed_by is not None:
            return self._believe(link.hash, sealed_by), self._forget()
        is_full = len(self._waiting) > self.unsealed_max
        return [], [self._drop(next(iter(self._waiting)))] if is_full else []

    def _counts_unsealed(self, link: ChainedRow) -> bool:
        is_next = self._waiting[link.hash].parent == self.head.hash
        return self.accepts_unsealed and self.seal_key is None and is_next

    def _find_parent(self, link: ChainedRow) -> bytes | None:
        if link.row.position == self.head.position + 1:
            return self.head.hash if hash_row(self.head.hash, link.row) == link.hash else None
        newest_first = self._at.get(link.row.position - 1, [])[: -_PARENTS_MAX - 1 : -1]
        return next((each for each in newest_first if hash_row(each, link.row) == link.hash), None)

    def _find_sealer(self, head: Head, seal: bytes) -> bytes | None:
        if self.seal_key is None:
            return next((key for key in self.trusted if is_sealed_at_all(head, seal, key)), None)
        if is_sealed(head, seal, self.seal_key):
            return self.seal_key
        # Who takes all seals out of the database makes a registry seal what else they put there.
        if is_sealed(head, seal, self.seal_key, is_first=True):
            raise SealKeyContradicted(f"the seals begin anew at position {head.position}")
        return None

    def _believe(self, last: bytes, sealed_by: bytes | None) -> list[Believed[T]]:
        path: list[_Waiting[T]] = []
        while last != self.head.hash:
            path.append(self._waiting.pop(last))
            last = path[-1].parent
        believed, in_force = [], sealed_by
        for each in reversed(path):
            if in_force is not None and each.link.row.type == _SEAL_KEY_ADOPTED:
                in_force = self._adopt(each.link, in_force)
            believed.append(Believed(each.link, each.source, in_force))
        self.seal_key = in_force
        self.head = path[0].link.head
        return believed

    def _adopt(self, link: ChainedRow, in_force: bytes) -> bytes:
        """Return the key in force after a row that changes it."""
        adopted = decode_event(link.row.type, link.row.schema_version, link.row.data)
        if not isinstance(adopted, SealKeyAdopted) or adopted.previous != in_force or not is_proven(adopted):
            raise SealKeyContradicted(f"position {link.row.position} changes the key in force, and may not")
        return adopted.public_key

    def _forget(self) -> list[T]:
        """Drop the rows that no later one can vouch for any more; return what came with them."""
        if self.gap is not None and self.gap.found <= self.head.position:
            self.gap = None
        settled = [at for at in self._at if at <= self.head.position]
        return [self._drop(each) for at in settled for each in self._at.pop(at) if each in self._waiting]

    def _drop(self, at: bytes) -> T:
        dropped = self._waiting.pop(at)
        if siblings := self._at.get(dropped.link.row.position):
            siblings.remove(at)
        return dropped.source
