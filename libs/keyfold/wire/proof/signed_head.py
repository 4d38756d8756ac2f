"""Signed heads as bytes: what is signed, how a signature is verified, and a line of the checkpoints file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from keyfold.wire.timestamp import format_time, parse_time

SIGNED_PREFIX = b"keyfold ledger checkpoint v1\n"
"""The first bytes of what is signed, so that no signature of a head can pass as one of something else."""

HASH_BYTES = 32
SIGNATURE_BYTES = 64
_ID_DIGITS = 16
_FIELDS = ("position", "head_hash", "at", "signing_key_id", "signature")

PublicKeys: TypeAlias = Mapping[str, Ed25519PublicKey]
"""The trusted keys, by their ids."""


class BadHeadLine(ValueError):
    """A line is not one that `format_line` writes; the message says what is wrong."""


class BadSigningKey(ValueError):
    """A file holds no key for signed heads; the message says what it must hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadClaim:
    """The claim that at this time the event at `position` had this hash, and which key signs it."""

    position: int
    head_hash: bytes
    at: datetime
    signing_key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A claim with an Ed25519 signature (64 bytes) that is not verified yet."""

    claim: HeadClaim
    signature: bytes


def key_id_of(public_key: Ed25519PublicKey) -> str:
    """Return a key's id: the first 16 hexadecimal digits of the SHA-256 of its 32 raw bytes."""
    return sha256(public_key.public_bytes_raw()).hexdigest()[:_ID_DIGITS]


def signed_bytes(claim: HeadClaim) -> bytes:
    """Return what is signed: the prefix, then `[position,"hash","time","key id"]` as JSON without spaces.

    The hash is in lower-case hexadecimal digits, the time in UTC with microseconds.
    """
    return SIGNED_PREFIX + orjson.dumps(
        [claim.position, claim.head_hash.hex(), format_time(claim.at), claim.signing_key_id]
    )


def sign(claim: HeadClaim, private_key: Ed25519PrivateKey) -> bytes:
    """Return the signature (RFC 8032, 64 bytes); always the same for the same claim."""
    return private_key.sign(signed_bytes(claim))


def is_genuine(claim: HeadClaim, signature: bytes, public_keys: PublicKeys) -> bool:
    """Tell whether the key that the claim names is one of these, and has signed it."""
    public_key = public_keys.get(claim.signing_key_id)
    if public_key is None:
        return False
    try:
        public_key.verify(signature, signed_bytes(claim))
    except InvalidSignature:
        return False
    return True


def format_line(signed: SignedHead) -> bytes:
    """Return a line of the checkpoints file, with its newline; always the same for the same signed head."""
    claim = signed.claim
    return orjson.dumps(
        {
            "position": claim.position,
            "head_hash": claim.head_hash.hex(),
            "at": format_time(claim.at),
            "signing_key_id": claim.signing_key_id,
            "signature": signed.signature.hex(),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def parse_line(line: bytes) -> SignedHead:
    """Return the signed head of a `format_line` line, with or without its newline. Raises BadHeadLine."""
    try:
        members = orjson.loads(line)
    except ValueError:
        raise BadHeadLine("it is not JSON") from None
    if not isinstance(members, dict) or members.keys() != set(_FIELDS):
        raise BadHeadLine(f"it is no object of {', '.join(_FIELDS)}")
    signed = SignedHead(claim=_read_claim(members), signature=_read_signature(members))
    if format_line(signed).rstrip(b"\n") != line.rstrip(b"\n"):
        raise BadHeadLine("it is not written as checkpoints are")
    return signed


def load_private_key(pem: bytes) -> Ed25519PrivateKey:
    """Return the signing key from its PKCS8 PEM without a passphrase. Raises BadSigningKey."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: a passphrase protects it
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadSigningKey("it must hold an Ed25519 private key as PKCS8 PEM without a passphrase")
    return key


def load_public_key(pem: bytes) -> Ed25519PublicKey:
    """Return a key that verifies signatures from its PEM. Raises BadSigningKey."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise BadSigningKey("it must hold an Ed25519 public key as PEM")
    return key


def _read_claim(members: Mapping[str, object]) -> HeadClaim:
    position, key_id, at = members["position"], members["signing_key_id"], members["at"]
    if type(position) is not int or position < 1:
        raise BadHeadLine("its position is no whole number from 1 on")
    if not isinstance(key_id, str):
        raise BadHeadLine("its signing_key_id is no text")
    try:
        moment = parse_time(str(at))
    except ValueError as fault:
        raise BadHeadLine(f"its at is no time: {fault}") from None
    head_hash = _read_bytes(members, "head_hash", HASH_BYTES)
    return HeadClaim(position=position, head_hash=head_hash, at=moment, signing_key_id=key_id)


def _read_signature(members: Mapping[str, object]) -> bytes:
    return _read_bytes(members, "signature", SIGNATURE_BYTES)


def _read_bytes(members: Mapping[str, object], name: str, length: int) -> bytes:
    try:
        value = bytes.fromhex(str(members[name]))
    except ValueError:
        value = b""
    if len(value) != length:
        raise BadHeadLine(f"its {name} is not {length} bytes in hexadecimal digits")
    return value
