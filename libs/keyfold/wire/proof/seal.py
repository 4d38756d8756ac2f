"""Seals: the registry's signature of the ledger's head at the end of each batch, and its keys."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from keyfold.domain.lifecycle.signatures.seal_key import SealKeyAdopted
from keyfold.wire.events.chain import Head
from keyfold.wire.proof.signed_head import BadSigningKey

SEALED_PREFIX = b"keyfold ledger seal v1\n"
BEGUN_PREFIX = b"keyfold ledger first seal v1\n"
ADOPTED_PREFIX = b"keyfold seal key v1\n"
"""The first bytes of what is signed, so that no signature of one thing can pass as one of another."""

SEAL_EVERY = 250
"""Within a batch every so many rows are sealed too: they fit into one batch of Kafka's with their seal."""

_PEM_END = b"-----END PUBLIC KEY-----"

TrustedKeys: TypeAlias = Mapping[bytes, Ed25519PublicKey]
"""Keys that may begin a ledger's seals, by their 32 raw bytes."""


def sealed_bytes(head: Head, *, is_first: bool) -> bytes:
    """Return what a seal signs: a prefix, then `[position,"hash"]` as JSON without spaces.

    A ledger's first seal has a prefix of its own: who has seen one knows that there cannot be another.
    """
    prefix = BEGUN_PREFIX if is_first else SEALED_PREFIX
    return prefix + orjson.dumps([head.position, head.hash.hex()])


def adopted_bytes(public_key: bytes, previous: bytes) -> bytes:
    """Return what the proof of an adopted key signs: the prefix, then `["key before","key"]`."""
    return ADOPTED_PREFIX + orjson.dumps([previous.hex(), public_key.hex()])


def is_sealed(head: Head, seal: bytes, public_key: bytes, *, is_first: bool = False) -> bool:
    """Tell whether a key (32 raw bytes) has made the seal (64 bytes), as a ledger's first or a later one."""
    return _is_signed(public_key, seal, sealed_bytes(head, is_first=is_first))


def is_sealed_at_all(head: Head, seal: bytes, public_key: bytes) -> bool:
    """Tell whether a key has made the seal, whichever of both it is."""
    return is_sealed(head, seal, public_key) or is_sealed(head, seal, public_key, is_first=True)


def is_proven(adopted: SealKeyAdopted) -> bool:
    """Tell whether the adopted key has signed that it takes over."""
    return _is_signed(adopted.public_key, adopted.proof, adopted_bytes(adopted.public_key, adopted.previous))


def load_trusted_keys(pem: bytes) -> TrustedKeys:
    """Return the Ed25519 public keys of a file of PEM blocks, one after the other. Raises BadSigningKey."""
    blocks = [block + _PEM_END for block in pem.split(_PEM_END)[:-1]]
    try:
        keys = [load_pem_public_key(block.strip()) for block in blocks]
    except (ValueError, UnsupportedAlgorithm):
        keys = []
    trusted = {key.public_bytes_raw(): key for key in keys if isinstance(key, Ed25519PublicKey)}
    if not trusted or len(trusted) != len(keys):
        raise BadSigningKey("it must hold Ed25519 public keys as PEM, one after the other")
    return trusted


class SealSigner:
    """Seals with a private key, which nothing shows."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()

    def seal(self, head: Head, *, is_first: bool = False) -> bytes:
        """Return the seal of a head (64 bytes); always the same for the same head."""
        return self._key.sign(sealed_bytes(head, is_first=is_first))

    def prove(self, previous: bytes) -> bytes:
        """Return the proof that this key takes over from another (64 bytes)."""
        return self._key.sign(adopted_bytes(self.public_key, previous))


class SealRing:
    """The private keys that a registry holds: the first seals a new ledger, the others wait to be adopted."""

    def __init__(self, keys: Sequence[Ed25519PrivateKey]) -> None:
        signers = [SealSigner(key) for key in keys]
        self.first, self.next = signers[0], signers[-1]
        self._signers = {each.public_key: each for each in signers}

    def find(self, public_key: bytes) -> SealSigner | None:
        """Return the key with this public half, if it is held."""
        return self._signers.get(public_key)


def _is_signed(public_key: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True
