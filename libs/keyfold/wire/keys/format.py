"""The text of a key: prefix, public id, 256 random bits and a checksum, all checked before any look-up."""

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from zlib import crc32

from keyfold.domain.access.key_proof import MALFORMED, Credential, Presented
from keyfold.domain.ids import KEY_PREFIX, KeyId

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUBLIC_ID_LENGTH = 12
SECRET_BYTES = 32
_SECRET_LENGTH = 43  # as many base 62 digits as 256 bits need
_CHECKSUM_LENGTH = 6
KEY_LENGTH = 9 + PUBLIC_ID_LENGTH + _SECRET_LENGTH + _CHECKSUM_LENGTH


class KeyKind(StrEnum):
    """Which of the two kinds of key a text is; the value is its first three letters."""

    VENDOR = "kfv"
    SUBSCRIBER = "kfs"


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedKey:
    """A new key. `secret` is shown once and kept nowhere; the ledger records the other three."""

    secret: str
    key_id: KeyId
    digest: bytes
    secret_hint: str

    def __repr__(self) -> str:
        return f"MintedKey({self.secret_hint})"


def mint(kind: KeyKind, public_id: str, random: bytes, *, mode: str = "live") -> MintedKey:
    """Make a key from a public id of 12 base62 characters and 32 random bytes; `mode` is live or test."""
    if len(random) != SECRET_BYTES or len(public_id) != PUBLIC_ID_LENGTH:
        raise ValueError("a key takes 12 characters of public id and 32 random bytes")
    secret = compose(f"{kind}_{mode}_{public_id}", random)
    if not _PATTERNS[kind].fullmatch(secret):
        raise ValueError("a public id is base62, and a mode is live or test")
    return MintedKey(
        secret=secret,
        key_id=KeyId(KEY_PREFIX + public_id),
        digest=digest_of(secret),
        secret_hint=f"{kind}_{mode}_{public_id}…{secret[-4:]}",
    )


def read_key(kind: KeyKind, text: str | None) -> Presented:
    """Return what a header presents: None if there is no header, MALFORMED, or the credential to look up."""
    if text is None:
        return None
    if len(text) != KEY_LENGTH or not text.isascii():
        return MALFORMED
    if not _PATTERNS[kind].fullmatch(text):
        return MALFORMED
    if not has_checksum(text):
        return MALFORMED
    return Credential(KeyId(KEY_PREFIX + text[9 : 9 + PUBLIC_ID_LENGTH]), digest_of(text))


def compose(head: str, random: bytes) -> str:
    """Return a text with its own checksum: `head`, 32 random bytes in base 62, and the checksum of both."""
    body = head + base62(int.from_bytes(random), _SECRET_LENGTH)
    return body + _checksum(body)


def has_checksum(text: str) -> bool:
    """Tell whether a text ends with the checksum of the rest."""
    return _checksum(text[:-_CHECKSUM_LENGTH]) == text[-_CHECKSUM_LENGTH:]


def holds_key(text: str) -> bool:
    """Tell whether a text contains a key or an invitation's code, or more of one than a hint shows."""
    return _WITHIN.search(text) is not None


def is_key_id(text: str) -> bool:
    """Tell whether a text has the form of a key's id that a secret can contain."""
    return _KEY_ID.fullmatch(text) is not None


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 of a key's text (32 bytes): the only form in which a key is kept."""
    return sha256(secret.encode("ascii")).digest()


def base62(number: int, length: int) -> str:
    """Return a number in `length` base62 digits, most significant first."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def public_id_of(random: bytes) -> str:
    """Return the 12 base62 characters of an id from 9 or more random bytes."""
    return base62(int.from_bytes(random) % 62**PUBLIC_ID_LENGTH, PUBLIC_ID_LENGTH)


def _checksum(body: str) -> str:
    return base62(crc32(body.encode("ascii")), _CHECKSUM_LENGTH)


_PATTERNS = {kind: re.compile(rf"{kind}_(?:live|test)_[0-9A-Za-z]{{61}}", re.ASCII) for kind in KeyKind}
_WITHIN = re.compile(rf"kf[vsi]_(?:live|test)_[0-9A-Za-z]{{{PUBLIC_ID_LENGTH + 1}}}", re.ASCII)
_KEY_ID = re.compile(rf"{KEY_PREFIX}[0-9A-Za-z]{{{PUBLIC_ID_LENGTH}}}", re.ASCII)
