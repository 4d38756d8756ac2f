"""Who calls: a bearer token becomes a caller, or the reason why it does not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, cast

import jwt

from libs.runtime.caller import Caller, Rejected, Role
from libs.runtime.claims import PLAIN_CLAIMS, Claimed, ClaimMapping, read_name
from libs.runtime.clock import Clock
from libs.runtime.jwks import ALGORITHMS, Jwks
from libs.runtime.settings import AuthSettings
from libs.runtime.waiting import wait_for

__all__ = ["Authenticator", "BearerTokens", "Caller", "NoTokens", "Rejected", "Role", "open_bearer_tokens"]

_LEEWAY_S: Final = 5
_MALFORMED: Final = "the token is malformed"


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

    def __init__(
        self, jwks: Jwks, *, issuer: str, audience: str, mapping: ClaimMapping = PLAIN_CLAIMS
    ) -> None:
        self._jwks = jwks
        self._issuer = issuer
        self._audience = audience
        self._mapping = mapping

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
        return claims if isinstance(claims, Rejected) else _until_expiry(self._caller(claims), claims)

    def _caller(self, claims: Mapping[str, object]) -> Caller | Rejected:
        sub = read_name(claims["sub"])
        if sub is None:
            return Rejected(detail="the token's sub is empty or not usable as a name")
        claimed = self._mapping.read(claims)
        return claimed if isinstance(claimed, Rejected) else _caller(claimed, sub)

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


def _caller(claimed: Claimed, sub: str) -> Caller | Rejected:
    match claimed.role:
        case None:
            return Rejected(detail=f"the token's role is not one of {', '.join(Role)}")
        case Role.OWNER if claimed.account_id is None:
            return Rejected(detail="the token has the role owner but no account_id")
        case role:
            return Caller(role=role, sub=sub, account_id=claimed.account_id, vendor_id=claimed.vendor_id)


async def open_bearer_tokens(settings: AuthSettings, *, clock: Clock, timeout_s: float) -> BearerTokens:
    """Wait until the JWKS can be read, at most ``timeout_s``, else raise ``StopProcess``."""
    jwks = Jwks(settings.jwks, clock)
    await wait_for(f"the JWKS at {settings.jwks}", jwks.load, timeout_s=timeout_s, clock=clock)
    return BearerTokens(
        jwks, issuer=settings.jwt_issuer, audience=settings.jwt_audience, mapping=_mapping_of(settings)
    )


def _mapping_of(settings: AuthSettings) -> ClaimMapping:
    return ClaimMapping(
        role=settings.jwt_role_claim,
        account=settings.jwt_account_claim,
        vendor=settings.jwt_vendor_claim,
        roles=settings.jwt_roles,
    )
