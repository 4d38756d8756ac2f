"""Checkpoints as bytes: one text each, one signature each, and nothing else is taken for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from keyfold.wire.proof.signed_head import (
    BadHeadLine,
    BadSigningKey,
    HeadClaim,
    SignedHead,
    format_line,
    is_genuine,
    key_id_of,
    load_private_key,
    load_public_key,
    parse_line,
    sign,
    signed_bytes,
)

# The first test key of RFC 8032, section 7.1.
KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
KEY_ID = "21fe31dfa154a261"
KEYS = {KEY_ID: KEY.public_key()}
CHECKPOINT = HeadClaim(
    position=42,
    head_hash=bytes(range(32)),
    at=datetime(2026, 3, 1, 9, 30, 0, 7, tzinfo=UTC),
    signing_key_id=KEY_ID,
)
SIGNATURE = sign(CHECKPOINT, KEY)
LINE = format_line(SignedHead(claim=CHECKPOINT, signature=SIGNATURE))


def test_key_id() -> None:
    """A key's id is the beginning of the SHA-256 of its raw bytes: anybody can compute it."""
    assert key_id_of(KEY.public_key()) == KEY_ID


def test_signed_bytes_never_change() -> None:
    """Checkpoints signed yesterday verify tomorrow: what is signed is fixed for ever."""
    assert signed_bytes(CHECKPOINT) == (
        b"keyfold ledger checkpoint v1\n"
        b'[42,"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",'
        b'"2026-03-01T09:30:00.000007Z","21fe31dfa154a261"]'
    )


def test_genuine() -> None:
    """What was signed is genuine, for whoever has the public key, and only for them."""
    assert is_genuine(CHECKPOINT, SIGNATURE, KEYS)
    assert not is_genuine(CHECKPOINT, SIGNATURE, {})
    assert not is_genuine(CHECKPOINT, SIGNATURE, {KEY_ID: Ed25519PrivateKey.generate().public_key()})


@pytest.mark.parametrize(
    "other",
    [
        replace(CHECKPOINT, position=41),
        replace(CHECKPOINT, head_hash=bytes(32)),
        replace(CHECKPOINT, at=CHECKPOINT.at + timedelta(microseconds=1)),
    ],
)
def test_signature_covers_every_field(other: HeadClaim) -> None:
    """A checkpoint that says anything else is not the one that was signed."""
    assert not is_genuine(other, SIGNATURE, KEYS)


def test_signature_covers_the_key_it_names() -> None:
    """A checkpoint cannot be passed off as one of another key that is believed too."""
    other = Ed25519PrivateKey.generate().public_key()
    assert not is_genuine(replace(CHECKPOINT, signing_key_id="other"), SIGNATURE, KEYS | {"other": other})
    assert not is_genuine(
        replace(CHECKPOINT, signing_key_id="other"), SIGNATURE, KEYS | {"other": KEY.public_key()}
    )


@pytest.mark.parametrize("signature", [b"", bytes(64), SIGNATURE[:-1], SIGNATURE + b"\x00"])
def test_bad_signature(signature: bytes) -> None:
    """Bytes that are no signature are refused like a wrong one."""
    assert not is_genuine(CHECKPOINT, signature, KEYS)


def test_line_reads_back() -> None:
    """A line gives the checkpoint back, with or without the newline that ends it."""
    expected = SignedHead(claim=CHECKPOINT, signature=SIGNATURE)
    assert parse_line(LINE) == parse_line(LINE.rstrip(b"\n")) == expected
    assert LINE.count(b"\n") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (LINE[:-9], "not JSON"),
        (b"[]", "no object of position, head_hash, at, signing_key_id, signature"),
        (LINE.replace(b'"at":', b'"when":'), "no object of position"),
        (LINE.replace(b"{", b'{"more":1,'), "no object of position"),
        (LINE.replace(b"42", b"0"), "position is no whole number"),
        (LINE.replace(b"42", b"true"), "position is no whole number"),
        (LINE.replace(b"42", b'"42"'), "position is no whole number"),
        (LINE.replace(b'"21fe31dfa154a261"', b"7"), "signing_key_id is no text"),
        (LINE.replace(b"T09:30", b" 09:30"), "at is no time"),
        (LINE.replace(b"-03-01", b"-13-01"), "at is no time"),
        (LINE.replace(b"000102", b"0102"), "head_hash is not 32 bytes"),
        (LINE.replace(b"000102", b"00010g"), "head_hash is not 32 bytes"),
        (LINE.replace(SIGNATURE.hex().encode(), b""), "signature is not 64 bytes"),
        (LINE.replace(b"1a1b", b"1A1B"), "not written as checkpoints are"),
        (LINE.replace(b":42", b": 42"), "not written as checkpoints are"),
        (LINE.replace(b'{"position":42', b'{"position":41,"position":42'), "not written as checkpoints are"),
    ],
)
def test_bad_line(line: bytes, said: str) -> None:
    """A line that says anything else, or says it otherwise, is refused with what is wrong about it."""
    with pytest.raises(BadHeadLine, match=said):
        parse_line(line)


def test_keys_from_pem() -> None:
    """A key comes out of its PEM as it went in."""
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert load_private_key(pem).private_bytes_raw() == KEY.private_bytes_raw()
    public_pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert load_public_key(public_pem) == KEY.public_key()


def test_no_such_key() -> None:
    """What holds another kind of key, one behind a passphrase or none is refused with what it must hold."""
    other = generate_private_key(SECP256R1())
    private = [
        b"",
        b"garbage",
        other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"phrase")),
        KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ]
    for pem in private:
        with pytest.raises(BadSigningKey, match="Ed25519 private key as PKCS8 PEM without a passphrase"):
            load_private_key(pem)
    public = [
        b"garbage",
        other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ]
    for pem in public:
        with pytest.raises(BadSigningKey, match="Ed25519 public key as PEM"):
            load_public_key(pem)
