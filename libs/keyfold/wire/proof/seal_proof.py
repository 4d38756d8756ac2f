"""The proof that a ledger's seals are the registry's: the last one of each key that was in force."""

from typing import Final

from keyfold.domain.lifecycle.signatures.seal_key import SealKeyAdopted
from keyfold.wire.events.chain import GENESIS, Fields, Head
from keyfold.wire.events.codec import TYPE_NAMES, UnknownEvent, decode_event
from keyfold.wire.proof.seal import TrustedKeys, is_proven, is_sealed_at_all
from keyfold.wire.proof.signed_head_proof import Finding, FindingKind

_ADOPTED: Final = TYPE_NAMES[SealKeyAdopted]
_TYPE: Final = 4


class SealProof:
    """Follows a ledger's seals. The chain covers what is before one, so only the last of a key is verified.

    `sealed` is the last position that a good seal covers. Without trusted keys nothing is checked.
    """

    def __init__(self, trusted: TrustedKeys) -> None:
        self._trusted = trusted
        self._key: bytes | None = None
        self._newest: tuple[Head, bytes] | None = None
        self.sealed = 0

    def step(self, fields: Fields, row_hash: bytes, seal: bytes | None) -> Finding | None:
        """Return what is wrong with the seal of the next row, whose place in the chain is proven."""
        head = Head(position=fields[0], hash=row_hash)
        if seal is not None:
            self._newest = (head, seal)
        if fields[_TYPE] != _ADOPTED or not self._trusted:
            return None
        return self._verify(head) or self._adopt(fields)

    def conclude(self, head: Head) -> Finding | None:
        """Return what is wrong with the last seal; `head` is the ledger's last row."""
        return None if not self._trusted or head == GENESIS else self._verify(head)

    def _verify(self, head: Head) -> Finding | None:
        if self._newest is None or self._newest[0] != head:
            return _report(self.sealed + 1, f"position {head.position} has no seal, and there should be one")
        able = self._trusted if self._key is None else (self._key,)
        if (key := next((each for each in able if is_sealed_at_all(*self._newest, each)), None)) is None:
            return _report(self.sealed + 1, f"the seal at position {head.position} is not the registry's")
        self._key, self.sealed = key, head.position
        return None

    def _adopt(self, fields: Fields) -> Finding | None:
        try:
            adopted = decode_event(*_read_event(fields))
        except UnknownEvent as fault:
            return _report(fields[0], str(fault))
        if not isinstance(adopted, SealKeyAdopted) or not is_proven(adopted):
            return _report(fields[0], "the key that was adopted here has not signed that it takes over")
        self._key = adopted.public_key
        return None


def _read_event(fields: Fields) -> tuple[str, int, str]:
    _position, _stream, _version, _event_id, name, schema_version, data, *_rest = fields
    return str(name), int(schema_version or 0), str(data)


def _report(position: int, detail: str) -> Finding:
    return Finding(kind=FindingKind.UNSEALED, position=position, detail=detail)
