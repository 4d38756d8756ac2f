"""Which signed heads count: each is verified with the trusted keys, wherever it was found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from keyfold.domain.lifecycle.signatures.signed_head import LedgerCheckpointed
from keyfold.wire.events.codec import TYPE_NAMES, UnknownEvent, decode_event
from keyfold.wire.proof.signed_head import (
    BadHeadLine,
    HeadClaim,
    PublicKeys,
    SignedHead,
    is_genuine,
    parse_line,
)

CHECKPOINTED = TYPE_NAMES[LedgerCheckpointed]


class FindingKind(StrEnum):
    """What is wrong with a ledger, or with the checkpoints file that it is compared with."""

    MISSING = "missing"
    REPEATED = "repeated"
    ALTERED = "altered"
    VERSION = "version"
    FORGED_CHECKPOINT = "forged-checkpoint"
    REWRITTEN = "rewritten"
    TRUNCATED = "truncated"
    HEAD = "head"
    UNSEALED = "unsealed"
    CHECKPOINTS_FILE = "checkpoints-file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong. `position` is the first broken one; None if the file is at fault."""

    kind: FindingKind
    position: int | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHeadRow:
    """An event of the ledger's own stream as a row, not yet decoded."""

    position: int
    type: str
    schema_version: int
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """A genuine signed head, and where it was found, such as `line 3 of the checkpoints file`."""

    signed: SignedHead
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHeads:
    """The signed heads in the ledger: those that count, and by position what is wrong with the others."""

    genuine: tuple[Attestation, ...]
    faults: dict[int, str]
    positions: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledHeads:
    """The signed heads in a file: those that count, and what is wrong with its other lines."""

    genuine: tuple[Attestation, ...] = ()
    findings: tuple[Finding, ...] = ()


class _Worthless(Exception):
    """A signed head does not count; the message completes `the checkpoint … does not count:`."""


def signed_head_of(event: LedgerCheckpointed) -> SignedHead:
    """Return the signed head of an event of the ledger."""
    claim = HeadClaim(
        position=event.position,
        head_hash=event.head_hash,
        at=event.at,
        signing_key_id=event.signing_key_id,
    )
    return SignedHead(claim=claim, signature=event.signature)


def weigh_recorded(rows: Sequence[SignedHeadRow], public_keys: PublicKeys) -> RecordedHeads:
    """Return which signed heads of the ledger count. Without any keys, signatures are not verified."""
    genuine: list[Attestation] = []
    faults: dict[int, str] = {}
    for row in rows:
        try:
            signed = _weigh_row(row, genuine, public_keys)
            genuine.append(Attestation(signed=signed, source=f"the checkpoint at position {row.position}"))
        except _Worthless as why:
            faults[row.position] = str(why)
    positions = frozenset(row.position for row in rows)
    return RecordedHeads(genuine=tuple(genuine), faults=faults, positions=positions)


def weigh_file(content: bytes, public_keys: PublicKeys) -> FiledHeads:
    """Return which lines of a checkpoints file count: only those that one of the keys has signed."""
    genuine: list[Attestation] = []
    findings: list[Finding] = []
    for source, line in _lines(content):
        try:
            signed = parse_line(line)
            _verify(signed, public_keys)
            genuine.append(Attestation(signed=signed, source=source))
        except (BadHeadLine, _Worthless) as why:
            detail = f"{source} does not count: {why}"
            findings.append(Finding(kind=FindingKind.CHECKPOINTS_FILE, position=None, detail=detail))
    return FiledHeads(genuine=tuple(genuine), findings=tuple(findings))


def _lines(content: bytes) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(content.removesuffix(b"\n").split(b"\n") if content else (), 1):
        yield f"line {number} of the checkpoints file", line


def _weigh_row(row: SignedHeadRow, earlier: Sequence[Attestation], public_keys: PublicKeys) -> SignedHead:
    try:
        event = decode_event(row.type, row.schema_version, row.data)
    except UnknownEvent as unknown:
        raise _Worthless(f"it cannot be understood: {unknown}") from unknown
    if not isinstance(event, LedgerCheckpointed):
        raise _Worthless(f"it is no checkpoint but {row.type}")
    last = earlier[-1].signed.claim.position if earlier else 0
    if not last < event.position < row.position:
        raise _Worthless(f"it vouches for position {event.position}, which is not between {last} and itself")
    signed = signed_head_of(event)
    if public_keys:
        _verify(signed, public_keys)
    return signed


def _verify(signed: SignedHead, public_keys: PublicKeys) -> None:
    key_id = signed.claim.signing_key_id
    if key_id not in public_keys:
        known = ", ".join(sorted(public_keys))
        raise _Worthless(f"it names the signing key {key_id!r}, and the public keys given are {known}")
    if not is_genuine(signed.claim, signed.signature, public_keys):
        raise _Worthless(f"the key {key_id} did not sign what it says")
