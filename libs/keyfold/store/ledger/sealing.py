"""Seals at the ledger's end: a registry appends to a head that it can verify, and seals what it appends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keyfold.domain.lifecycle.signatures.seal_key import SealKeyAdopted
from keyfold.runtime.failure import TryLater
from keyfold.store.ledger.rows import EventDraft
from keyfold.wire.events.chain import ChainedRow, Head
from keyfold.wire.proof.seal import SEAL_EVERY, SealRing, SealSigner, is_sealed_at_all


class HeadUnsealed(TryLater):
    """Somebody else has written to the ledger. Append nothing, so as not to seal that: verify it first."""

    def __init__(self, head: Head) -> None:
        super().__init__(
            f"the head at position {head.position} has no seal of this registry: keyfold ledger verify"
        )


class SealKeyAbsent(TryLater):
    """The key in force is not held here: append nothing until the registry has it."""

    def __init__(self, public_key: bytes) -> None:
        super().__init__(f"KEYFOLD_SEAL_KEY is not the key in force, {public_key.hex()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSeal:
    """The seal of a head (64 bytes), made with the key in force after it (32 raw bytes).

    Where that key was just adopted, the head's row has the seal of the key before it.
    """

    seal: bytes
    seal_key: bytes

    @property
    def columns(self) -> Mapping[str, bytes]:
        """The columns of the head, by the names of the append's parameters."""
        return {"seal": self.seal, "seal_key": self.seal_key}


NO_SEAL: Mapping[str, None] = {"seal": None, "seal_key": None}
"""The same where nothing is appended and the head stays as it is."""


class HeadSealer:
    """Verifies heads, and seals the rows that follow one.

    `may_begin` says that the ledger has no seal and may get its first.
    `trouble` says why the last head could not be verified, None if it could.
    """

    def __init__(self, ring: SealRing, *, may_begin: bool = False) -> None:
        self.ring = ring
        self.may_begin = may_begin
        self.trouble: str | None = None
        self._seal_key = ring.first.public_key
        self._is_first = False
        self._verified: tuple[Head, HeadSeal] | None = None

    @property
    def seal_key(self) -> bytes:
        """The key in force at the head that was verified last."""
        return self._seal_key

    def verify(self, head: Head, record: Mapping[str, Any]) -> None:
        """Verify the head in a record of the database. Raises HeadUnsealed and SealKeyAbsent.

        Its own last head costs it nothing, that of another registry a verification.
        """
        try:
            self._seal_key = self._require(head, record)
        except (HeadUnsealed, SealKeyAbsent) as unsealed:
            self.trouble = str(unsealed)
            raise
        self.trouble = None

    def _require(self, head: Head, record: Mapping[str, Any]) -> bytes:
        if record["seal"] is None:
            if head.position > 0 and not self.may_begin:
                raise HeadUnsealed(head)
            self._is_first = True
            return self.ring.first.public_key
        self._is_first = self.may_begin = False
        found = HeadSeal(**{name: record[name] for name in ("seal", "seal_key")})
        if self._verified == (head, found):
            return found.seal_key
        # Only keys that are held count here: whoever may write the database may write any other there.
        if self.ring.find(found.seal_key) is None:
            raise SealKeyAbsent(found.seal_key)
        if not is_sealed_at_all(head, found.seal, found.seal_key):
            raise HeadUnsealed(head)
        self._verified = (head, found)
        return found.seal_key

    def seal(
        self, links: Sequence[ChainedRow], drafts: Sequence[EventDraft]
    ) -> tuple[Sequence[ChainedRow], HeadSeal]:
        """Return rows, at least one, with their seals, and the seal of the head after them."""
        in_force, made, sealed, is_first = self._seal_key, None, list(links), self._is_first
        for index, (link, draft) in enumerate(zip(links, drafts, strict=True), 1):
            adopted = draft.event if isinstance(draft.event, SealKeyAdopted) else None
            if adopted is None and index % SEAL_EVERY and index < len(links):
                continue
            seal, is_first = self._find(in_force).seal(link.head, is_first=is_first), False
            sealed[index - 1] = link._replace(seal=seal)
            if adopted is not None:
                in_force = adopted.public_key
                seal = self._find(in_force).seal(link.head)
            made = HeadSeal(seal=seal, seal_key=in_force)
        if made is None:
            raise ValueError("there are no rows to seal")
        return sealed, made

    def _find(self, public_key: bytes) -> SealSigner:
        if (signer := self.ring.find(public_key)) is None:
            raise SealKeyAbsent(public_key)
        return signer

    def note_appended(self, head: Head, made: HeadSeal) -> None:
        """Take the head that was just appended for verified."""
        self._verified, self._seal_key, self._is_first = (head, made), made.seal_key, False
