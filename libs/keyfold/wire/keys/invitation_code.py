"""The text of an invitation's code, in the form of a key, and the id of a login."""

import re
from dataclasses import dataclass
from hashlib import sha256

import orjson

from keyfold.domain.ids import INVITATION_PREFIX, LOGIN_PREFIX, InvitationId, LoginId
from keyfold.wire.keys.format import PUBLIC_ID_LENGTH, base62, compose, digest_of, has_checksum

_PREFIX = "kfi_live_"
_CODE = re.compile(rf"{_PREFIX}[0-9A-Za-z]{{61}}", re.ASCII)
_INVITATION_ID = re.compile(rf"{INVITATION_PREFIX}[0-9A-Za-z]{{{PUBLIC_ID_LENGTH}}}", re.ASCII)
_LOGIN_ID_LENGTH = 22  # as many base 62 digits as 128 bits need
_LOGIN_ID = re.compile(rf"{LOGIN_PREFIX}[0-9A-Za-z]{{{_LOGIN_ID_LENGTH}}}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationCode:
    """What a code says: which invitation, and the digest of the whole code, by which alone it is known."""

    invitation_id: InvitationId
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedCode(InvitationCode):
    """A new code. It is shown once and kept nowhere."""

    code: str

    def __repr__(self) -> str:
        return f"MintedCode({self.invitation_id})"


def mint_code(public_id: str, random: bytes) -> MintedCode:
    """Make a code from a public id of 12 base62 characters and 32 random bytes."""
    code = compose(_PREFIX + public_id, random)
    return MintedCode(
        invitation_id=InvitationId(INVITATION_PREFIX + public_id), digest=digest_of(code), code=code
    )


def read_code(text: str) -> InvitationCode | None:
    """Return what a code says, None for a text that is not a code."""
    if not _CODE.fullmatch(text) or not has_checksum(text):
        return None
    public_id = text.removeprefix(_PREFIX)[:PUBLIC_ID_LENGTH]
    return InvitationCode(invitation_id=InvitationId(INVITATION_PREFIX + public_id), digest=digest_of(text))


def is_invitation_id(text: str) -> bool:
    """Tell whether a text has the form of an invitation's id."""
    return _INVITATION_ID.fullmatch(text) is not None


def is_login_id(text: str) -> bool:
    """Tell whether a text has the form of a login's id."""
    return _LOGIN_ID.fullmatch(text) is not None


def login_id_of(issuer: str, subject: str) -> LoginId:
    """Return the id of a login: 128 bits of the SHA-256 of both names, which it does not reveal."""
    digest = sha256(orjson.dumps([issuer, subject])).digest()
    return LoginId(LOGIN_PREFIX + base62(int.from_bytes(digest[:16]), _LOGIN_ID_LENGTH))
