"""Ledgers that are sealed with a key of the tests, and readers that trust it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from keyfold.domain.lifecycle.signatures.seal_key import SealKeyAdopted
from keyfold.local.signing_keys import SEAL_KEY, prepare_keys
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.sealing import HeadSealer
from keyfold.store.postgres.connection import Pool
from keyfold.wire.events.chain import ChainedRow, Head, LedgerGap, Row, hash_row
from keyfold.wire.events.codec import TYPE_NAMES
from keyfold.wire.proof.seal import SealRing, SealSigner, load_trusted_keys

KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NEXT_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
RING: Final = SealRing([KEY, NEXT_KEY])
SIGNER: Final = SealSigner(KEY)
NEXT_SIGNER: Final = SealSigner(NEXT_KEY)


def public_pem(*keys: Ed25519PrivateKey) -> bytes:
    """Return the public halves as a file of trusted keys has them."""
    return b"".join(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in keys
    )


TRUSTED: Final = load_trusted_keys(public_pem(KEY))


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """Return a key as a registry reads it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_trusted(directory: Path) -> Path:
    """Write the file of trusted keys; return its path."""
    path = directory / "seal-key.pub.pem"
    path.write_bytes(public_pem(KEY))
    return path


def write_keys(directory: Path) -> Path:
    """Write the key of the tests as a stack has it, and return the directory."""
    SEAL_KEY.private(directory).write_bytes(private_pem(KEY))
    return prepare_keys(directory)


def ledger_on(pool: Pool) -> Ledger:
    """Return a ledger as a registry has it."""
    return Ledger(pool, HeadSealer(RING))


def seal_all(rows: Iterable[tuple[Row, bytes]]) -> list[ChainedRow]:
    """Return each row sealed by the key in force, as if each had been appended alone."""
    sealed, signer = [], SIGNER
    for row, row_hash in rows:
        sealed.append(seal_row(row, row_hash, signer))
        if row.type == TYPE_NAMES[SealKeyAdopted]:
            signer = NEXT_SIGNER
    return sealed


def seal_row(row: Row, row_hash: bytes, signer: SealSigner = SIGNER) -> ChainedRow:
    """Return a row with its seal."""
    return ChainedRow(row, row_hash, signer.seal(Head(position=row.position, hash=row_hash)))


class BrokenChain(Exception):
    """A row's hash does not cover its content and its predecessor."""


def follow(head: Head, row: Row, row_hash: bytes) -> Head | None:
    """Return the head after the row, None for a row that was seen already. Raises LedgerGap, BrokenChain."""
    if row.position <= head.position:
        return None
    if row.position != head.position + 1:
        raise LedgerGap(last=head.position, found=row.position)
    if hash_row(head.hash, row) != row_hash:
        raise BrokenChain(row.position)
    return Head(position=row.position, hash=row_hash)
