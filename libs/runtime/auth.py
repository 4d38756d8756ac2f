"""Who calls: a bearer token becomes a caller, or the reason why it does not."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol, cast

import jwt

from libs.runtime.clock import Clock
from libs.runtime.jwks import ALGORITHMS, Jwks
from libs.runtime.legible import UNSEEN
from libs.runtime.settings import AuthSettings
from libs.runtime.waiting import wait_for

_LEEWAY_S: Final = 5
_NAME_CHARACTERS_MAX: Final = 256
_MALFORMED: Final = "the token is malformed"


class Role(StrEnum):
    """What a caller is to the platform."""

    OWNER = "owner"
    VENDOR = "vendor"
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking; ``sub`` is the actor that events name.

    ``account_id`` is set for an owner only; ``vendor_id`` for a vendor only, once it has applied. From
    ``expires_at`` on the token is no longer good: who is the same then is still the same caller.
    """

    role: Role
    sub: str
    account_id: str | None = None
    vendor_id: str | None = None
    expires_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Why a token names nobody; fit to be shown, for it repeats nothing of the token."""

    detail: str


class Authenticator(Protocol):
    """Turns the value of an Authorization header into a caller."""

    async def authenticate(self, authorization: str | None) -> Caller | Rejected:
        """Return who calls, or why nobody can be told."""
        ...


class NoTokens:
    """Believes nobody: for a service whose routes are all public."""

    async def authenticate(self, _authorization: str | None) -> Caller | Rejected:
        """Return that nobody is recognised here."""
        return Rejected(detail="this service takes no tokens")


class BearerTokens:
    """Believes JWTs signed by a key of the JWKS, for one issuer and audience."""

    def __init__(self, jwks: Jwks, *, issuer: str, audience: str) -> None:
        self._jwks = jwks
        self._issuer = issuer
        self._audience = audience

    async def authenticate(self, authorization: str | None) -> Caller | Rejected:
        """Return who calls, or why nobody can be told."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return Rejected(detail="an Authorization header with a Bearer token is needed")
        if not token.isascii():
            return Rejected(detail=_MALFORMED)
        try:
            claims = await self._claims(token.strip())
        except jwt.PyJWTError as invalid:
            return Rejected(detail=_explain(invalid))
        return claims if isinstance(claims, Rejected) else _until_expiry(_caller(claims), claims)

    async def _claims(self, token: str) -> Mapping[str, object] | Rejected:
        header = jwt.get_unverified_header(token)
        # Compared one by one: anybody may write this header, and a set takes only what can be hashed.
        if header.get("alg") not in tuple(ALGORITHMS):
            return Rejected(detail=f"the token is not signed with one of {', '.join(sorted(ALGORITHMS))}")
        kid = header.get("kid")
        if not isinstance(kid, str) or not kid:
            return Rejected(detail="the token names no key (kid)")
        key = await self._jwks.key(kid)
        if key is None:
            return Rejected(detail="the token's kid names no key of the issuer")
        # The key, never the token, says which algorithm is used.
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=self._issuer,
            audience=self._audience,
            leeway=_LEEWAY_S,
            options={"require": ["iss", "aud", "exp", "sub"]},
        )


def _explain(invalid: Exception) -> str:
    match invalid:
        case jwt.ExpiredSignatureError():
            return "the token has expired"
        case jwt.ImmatureSignatureError():
            return "the token is not valid yet"
        case jwt.InvalidIssuerError():
            return "the token is from another issuer"
        case jwt.InvalidAudienceError():
            return "the token is for another audience"
        case jwt.MissingRequiredClaimError():
            return f"the token lacks the claim {invalid.claim}"
        case jwt.InvalidSignatureError() | jwt.InvalidAlgorithmError():
            return "the token's signature does not match"
        case _:
            return _MALFORMED


def _until_expiry(caller: Caller | Rejected, claims: Mapping[str, object]) -> Caller | Rejected:
    if isinstance(caller, Rejected):
        return caller
    try:
        expires_at = datetime.fromtimestamp(int(cast(float, claims["exp"])), UTC)
        return replace(caller, expires_at=expires_at + timedelta(seconds=_LEEWAY_S))
    except (OverflowError, ValueError, OSError):
        return caller  # it lies outside of the calendar


def _caller(claims: Mapping[str, object]) -> Caller | Rejected:
    sub, role = _name(claims, "sub"), _name(claims, "role")
    if sub is None:
        return Rejected(detail="the token's sub is empty or not usable as a name")
    if role not in tuple(Role):
        return Rejected(detail=f"the token's role is not one of {', '.join(Role)}")
    # An id counts only in the role that it belongs to, lest an operator's token also passes as an owner's.
    match Role(role):
        case Role.OWNER:
            account_id = _name(claims, "account_id")
            if account_id is None:
                return Rejected(detail="the token has the role owner but no account_id")
            return Caller(role=Role.OWNER, sub=sub, account_id=account_id)
        case Role.VENDOR:
            return _vendor(claims, sub)
        case other:
            return Caller(role=other, sub=sub)


def _vendor(claims: Mapping[str, object], sub: str) -> Caller | Rejected:
    if claims.get("vendor_id") is None:
        return Caller(role=Role.VENDOR, sub=sub)
    vendor_id = _name(claims, "vendor_id")
    if vendor_id is None:
        return Rejected(detail="the token's vendor_id is not usable as a name")
    return Caller(role=Role.VENDOR, sub=sub, vendor_id=vendor_id)


def _name(claims: Mapping[str, object], claim: str) -> str | None:
    # What is not seen is also what PostgreSQL cannot hold: NUL and lone surrogates.
    value = claims.get(claim)
    if isinstance(value, str) and 0 < len(value) <= _NAME_CHARACTERS_MAX and not UNSEEN.search(value):
        return value
    return None


async def open_bearer_tokens(settings: AuthSettings, *, clock: Clock, timeout_s: float) -> BearerTokens:
    """Wait until the JWKS can be read, at most ``timeout_s``, else raise ``StopProcess``."""
    jwks = Jwks(settings.jwks, clock)
    await wait_for(f"the JWKS at {settings.jwks}", jwks.load, timeout_s=timeout_s, clock=clock)
    return BearerTokens(jwks, issuer=settings.jwt_issuer, audience=settings.jwt_audience)
