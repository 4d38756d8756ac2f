"""Which rows are the ledger's: those up to a head that the registry has sealed, and no others."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from keyfold.domain.lifecycle.signatures.seal_key import SealKeyAdopted
from keyfold.wire.events.chain import ChainedRow, Head, LedgerGap, Row, hash_row
from keyfold.wire.events.codec import TYPE_NAMES, UnknownEvent, decode_event
from keyfold.wire.proof.seal import SEAL_EVERY, TrustedKeys, is_proven, is_sealed, is_sealed_at_all

UNSEALED_MAX: Final = 40 * SEAL_EVERY
UNSEALED_BYTES_MAX: Final = 64 * 1024 * 1024
"""How many rows wait for their seal at most, and how much of them. The ledger's own are very few of these."""

# The relay publishes rows together with their seal, so the true parent of a row came right before it.
_PARENTS_MAX: Final = 32
_ROW_BYTES: Final = 2048  # what a row takes beside its data, once it is Python objects
_SEAL_KEY_ADOPTED: Final = TYPE_NAMES[SealKeyAdopted]

T = TypeVar("T")


class Forged(Exception):
    """A record is not the ledger's. Skip it and raise the alarm: it changes nothing."""


class Unfollowable(Exception):
    """A sealed row changes the key in force in a way that no registry does: stop, and verify the ledger."""

    def __init__(self, row: Row, reason: str) -> None:
        super().__init__(reason)
        self.row = row


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

    @property
    def size(self) -> int:
        return _ROW_BYTES + len(self.link.row.data)


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
    unsealed_bytes_max: int = UNSEALED_BYTES_MAX
    gap: LedgerGap | None = None
    _waiting: dict[bytes, _Waiting[T]] = field(default_factory=dict)
    _at: defaultdict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    _bytes: int = 0
    _sealed: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    _believed: list[Believed[T]] = field(default_factory=list)
    _forged: list[T] = field(default_factory=list)

    @property
    def unsealed(self) -> int:
        """How many rows wait for a seal."""
        return len(self._waiting)

    @property
    def oldest(self) -> T | None:
        """What came with the row that has waited longest."""
        return next((each.source for each in self._waiting.values()), None)

    def take(self, link: ChainedRow, source: T) -> tuple[list[Believed[T]], list[T]]:
        """Take one row, as `take_all` does. Raises Forged for a row that can never be the ledger's."""
        self._add(link, source)
        self._settle()
        return self._collect()

    def take_all(self, rows: Sequence[tuple[ChainedRow, T]]) -> tuple[list[Believed[T]], list[T]]:
        """Return the rows that are believed now, and the sources of those that turn out to be forged.

        Of many seals the newest is verified, and the chain covers what is before it. If it is good and rows
        before it are missing, `gap` says so until they have come. Raises Unfollowable; what was believed by
        then comes with the next call.
        """
        for link, source in rows[self._take_straight(rows) :]:
            try:
                self._add(link, source)
            except Forged:
                self._forged.append(source)
        self._settle()
        return self._collect()

    def _take_straight(self, rows: Sequence[tuple[ChainedRow, T]]) -> int:
        """Believe the first of these rows without ado, and return how many they are.

        That is what nearly always comes: rows in order after the head, and the last of them with a good seal.
        """
        if self._waiting or self.seal_key is None:
            return 0
        position, row_hash, sealed = self.head.position, self.head.hash, 0
        for count, (link, _) in enumerate(rows, 1):
            row = link.row
            if row.position != position + 1 or row.type == _SEAL_KEY_ADOPTED:
                break
            if (known := hash_row(row_hash, row)) != link.hash:
                break
            position, row_hash = row.position, known
            sealed = count if link.seal is not None else sealed
        if not sealed or self._find_sealer(rows[sealed - 1][0]) is None:
            return 0
        self._believed += [Believed(link, source, self.seal_key) for link, source in rows[:sealed]]
        self.head = rows[sealed - 1][0].head
        if self.gap is not None and self.gap.found <= self.head.position:
            self.gap = None
        return sealed

    def _add(self, link: ChainedRow, source: T) -> None:
        if link.row.position <= self.head.position:
            return  # the relay repeats itself after a crash
        known = self._waiting.get(link.hash)
        if known is not None and known.link.row != link.row:
            raise Forged("it has the hash of another row")
        parent = self._find_parent(link) if known is None else known.parent
        # What is before the head's next row is known: if the hash is wrong, the seal is another row's.
        if parent is None and (link.seal is None or link.row.position == self.head.position + 1):
            raise Forged("it does not follow the ledger's last event, and no seal vouches for it")
        if parent is None:
            if self._find_sealer(link) is None:
                raise Forged("it does not follow the ledger's last event, and its seal is not the registry's")
            self._settle()
            self._note_gap(link)
            return
        if known is not None:
            self._drop(link.hash)  # it waits on as the newest: what is published again must be found
        self._hold(link, source, parent)
        if self.accepts_unsealed and self.seal_key is None and link.seal is None and parent == self.head.hash:
            self._believe([self._waiting[link.hash]], None)
        elif link.row.type == _SEAL_KEY_ADOPTED:
            self._settle()  # what comes after it is sealed with the other key
        if len(self._waiting) > self.unsealed_max or self._bytes > self.unsealed_bytes_max:
            self._settle()
            self._make_room()

    def _settle(self) -> None:
        """Verify the seals that have come, the last one first, until one is good."""
        tried, self._sealed = sorted(self._sealed), []
        for _, row_hash, seal in reversed(tried):
            if (held := self._waiting.get(row_hash)) is None:
                continue
            if (key := self._find_sealer(held.link._replace(seal=seal))) is None:
                continue
            if (path := self._walk(row_hash)) is None:
                self._note_gap(held.link)
                continue
            self._believe(path, key)
            return

    def _collect(self) -> tuple[list[Believed[T]], list[T]]:
        believed, forged = self._believed, self._forged
        self._believed, self._forged = [], []
        return believed, forged

    def _hold(self, link: ChainedRow, source: T, parent: bytes) -> None:
        self._waiting[link.hash] = held = _Waiting(link, source, parent)
        self._at[link.row.position].append(link.hash)
        self._bytes += held.size
        if link.seal is not None:
            self._sealed.append((link.row.position, link.hash, link.seal))

    def _drop(self, row_hash: bytes) -> T:
        dropped = self._waiting.pop(row_hash)
        self._bytes -= dropped.size
        siblings = self._at[dropped.link.row.position]
        siblings.remove(row_hash)
        if not siblings:
            del self._at[dropped.link.row.position]
        return dropped.source

    def _make_room(self) -> None:
        while len(self._waiting) > self.unsealed_max or self._bytes > self.unsealed_bytes_max:
            self._forged.append(self._drop(next(iter(self._waiting))))

    def _note_gap(self, link: ChainedRow) -> None:
        if self.gap is None:
            self.gap = LedgerGap(last=self.head.position, found=link.row.position)

    def _find_parent(self, link: ChainedRow) -> bytes | None:
        if link.row.position == self.head.position + 1:
            return self.head.hash if hash_row(self.head.hash, link.row) == link.hash else None
        newest_first = self._at.get(link.row.position - 1, [])[: -_PARENTS_MAX - 1 : -1]
        return next((each for each in newest_first if hash_row(each, link.row) == link.hash), None)

    def _find_sealer(self, link: ChainedRow) -> bytes | None:
        if link.seal is None:
            return None
        if self.seal_key is None:
            return next((key for key in self.trusted if is_sealed_at_all(link.head, link.seal, key)), None)
        if is_sealed(link.head, link.seal, self.seal_key):
            return self.seal_key
        # Who takes all seals out of the database makes a registry seal what else they put there.
        if is_sealed(link.head, link.seal, self.seal_key, is_first=True):
            raise Unfollowable(link.row, "the seals of the ledger begin anew here")
        return None

    def _walk(self, last: bytes) -> list[_Waiting[T]] | None:
        """Return the rows from the head to this one; None if one of them had to give way to others."""
        path: list[_Waiting[T]] = []
        while last != self.head.hash:
            if (each := self._waiting.get(last)) is None:
                return None
            path.append(each)
            last = each.parent
        return path[::-1]

    def _believe(self, path: list[_Waiting[T]], sealed_by: bytes | None) -> None:
        in_force = sealed_by
        for each in path:
            if in_force is not None and each.link.row.type == _SEAL_KEY_ADOPTED:
                in_force = _adopt(each.link.row, in_force)
            self._believed.append(Believed(each.link, each.source, in_force))
            self._drop(each.link.hash)
        self.head, self.seal_key = path[-1].link.head, in_force
        self._forget()

    def _forget(self) -> None:
        """Drop what no later row can vouch for any more, as it leads to another head."""
        if self.gap is not None and self.gap.found <= self.head.position:
            self.gap = None
        linked, lost = {self.head.hash}, list[bytes]()
        for position in sorted(self._at):
            for each in self._at[position]:
                (linked.add if self._waiting[each].parent in linked else lost.append)(each)
        self._forged += [self._drop(each) for each in lost]


def _adopt(row: Row, in_force: bytes) -> bytes:
    """Return the key in force after a row that changes it. Raises Unfollowable."""
    try:
        adopted = decode_event(row.type, row.schema_version, row.data)
    except UnknownEvent as fault:
        raise Unfollowable(row, str(fault)) from fault
    if not isinstance(adopted, SealKeyAdopted) or adopted.previous != in_force or not is_proven(adopted):
        raise Unfollowable(row, "it changes the key in force, and may not")
    return adopted.public_key
