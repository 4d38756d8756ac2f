"""The verification of a ledger: its rows by hashes and seals, and its signed heads by keys and a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keyfold.client.failure import WrongUsage
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.ledger.scan import LedgerScan, open_scan
from keyfold.wire.proof.ledger_proof import LedgerProof
from keyfold.wire.proof.seal import TrustedKeys, load_trusted_keys
from keyfold.wire.proof.signed_head import BadSigningKey, PublicKeys, key_id_of, load_public_key
from keyfold.wire.proof.signed_head_proof import Finding, weigh_file, weigh_recorded

Progress = Callable[[int, int], None]
"""Called now and then with the number of events proven so far, and of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a ledger is compared with; without keys, signatures are not checked."""

    public_keys: PublicKeys
    checkpoints_file: bytes = b""
    seal_keys: TrustedKeys = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result: how many events are proven, how far signed heads vouch for them, and what is wrong."""

    events: int
    head_hash: bytes
    signatures_checked: bool
    recorded_checkpoints: int
    filed_checkpoints: int
    vouched: int
    seals_checked: bool
    sealed: int
    findings: Sequence[Finding]
    took_s: float

    @property
    def first_broken(self) -> int | None:
        """The first broken position, None if there is none."""
        return min((each.position for each in self.findings if each.position is not None), default=None)


def read_evidence(checkpoints: Path | None, public_keys: Sequence[Path], seal_keys: Path | None) -> Evidence:
    """Return the content of these files. Raises WrongUsage."""
    keys = dict(_read_key(path) for path in public_keys)
    trusted = {} if seal_keys is None else _read_seal_keys(seal_keys)
    if checkpoints is None:
        return Evidence(public_keys=keys, seal_keys=trusted)
    if not keys:
        raise WrongUsage("With what were the checkpoints signed? Name the public key with --public-key.")
    return Evidence(public_keys=keys, checkpoints_file=checkpoints.read_bytes(), seal_keys=trusted)


def _read_seal_keys(path: Path) -> TrustedKeys:
    try:
        return load_trusted_keys(path.read_bytes())
    except BadSigningKey as bad:
        raise WrongUsage(f"{path} holds no keys for seals: {bad}.") from None


def _read_key(path: Path) -> tuple[str, Ed25519PublicKey]:
    try:
        key = load_public_key(path.read_bytes())
    except BadSigningKey as bad:
        raise WrongUsage(f"{path} is no public key for checkpoints: {bad}.") from None
    return key_id_of(key), key


async def verify(dsn: str, evidence: Evidence, progress: Progress) -> Verification:
    """Verify the ledger as it is now. Raises DatabaseAway or DatabaseMisconfigured."""
    began_s = SYSTEM_CLOCK.monotonic_s()
    filed = weigh_file(evidence.checkpoints_file, evidence.public_keys)
    async with open_scan(dsn) as scan:
        recorded = weigh_recorded(await scan.checkpoints(), evidence.public_keys)
        proof = LedgerProof(recorded, filed, evidence.seal_keys)
        findings = (*filed.findings, *await _follow(scan, proof, progress))
    return Verification(
        events=proof.head.position,
        head_hash=proof.head.hash,
        signatures_checked=bool(evidence.public_keys),
        recorded_checkpoints=len(recorded.genuine),
        filed_checkpoints=len(filed.genuine),
        vouched=proof.vouched,
        seals_checked=bool(evidence.seal_keys),
        sealed=proof.sealed,
        findings=findings,
        took_s=SYSTEM_CLOCK.monotonic_s() - began_s,
    )


async def _follow(scan: LedgerScan, proof: LedgerProof, progress: Progress) -> tuple[Finding, ...]:
    head = await scan.head()
    total = 0 if head is None else head.head.position
    async for page in scan.pages():
        if finding := proof.follow(page):
            return (finding,)
        progress(proof.head.position, total)
    return proof.conclude(head)
