"""Authentication: a bearer token becomes a caller, or the reason why it does not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, cast

import jwt

from keyfold.runtime.auth.caller import Binding, Caller, Claimed, Role, TokenRejected
from keyfold.runtime.auth.claims import PLAIN_CLAIMS, ClaimMapping, read_name
from keyfold.runtime.auth.jwks import ALGORITHMS, Jwks
from keyfold.runtime.clock import Clock
from keyfold.runtime.settings.base import AuthSettings
from keyfold.runtime.waiting import wait_for

_LEEWAY_S: Final = 5
_MALFORMED: Final = "the token is malformed"


class Authenticator(Protocol):
    """Turns the value of an Authorization header into a caller."""

    async def authenticate(self, authorization: str | None) -> Caller | TokenRejected:
        """Return who calls, or why that cannot be told."""
        ...


class NoTokens:
    """Accepts no token: for a service whose routes are all public."""

    async def authenticate(self, _authorization: str | None) -> Caller | TokenRejected:
        """Return a rejection, always."""
        return TokenRejected(detail="this service takes no tokens")


class Bindings(Protocol):
    """Knows what logins are bound to now."""

    async def find(self, issuer: str, subject: str) -> Binding | None:
        """Return what a login is bound to, None if it never was. Raises TryLater."""
        ...


class BearerTokens:
    """Accepts JWTs signed by a key of the JWKS, for one issuer and audience.

    Only if a token leaves open who its bearer is, that is looked up in the bindings.
    """

    def __init__(
        self,
        jwks: Jwks,
        *,
        issuer: str,
        audience: str,
        bindings: Bindings,
        mapping: ClaimMapping = PLAIN_CLAIMS,
    ) -> None:
        self._jwks = jwks
        self._issuer = issuer
        self._audience = audience
        self._mapping = mapping
        self._bindings = bindings

    async def authenticate(self, authorization: str | None) -> Caller | TokenRejected:
        """Return who calls, or why that cannot be told. Raises TryLater if a look-up fails."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return TokenRejected(detail="an Authorization header with a Bearer token is needed")
        if not token.isascii():
            return TokenRejected(detail=_MALFORMED)
        try:
            claims = await self._verify(token.strip())
        except jwt.PyJWTError as invalid:
            return TokenRejected(detail=_explain(invalid))
        if isinstance(claims, TokenRejected):
            return claims
        return _with_expiry(await self._find_caller(claims), claims)

    async def _find_caller(self, claims: Mapping[str, object]) -> Caller | TokenRejected:
        sub = read_name(claims["sub"])
        if sub is None:
            return TokenRejected(detail="the token's sub is empty or not usable as a name")
        claimed = self._mapping.read(claims)
        if isinstance(claimed, TokenRejected):
            return claimed
        if claimed.is_whole:
            return _caller_of(claimed, sub, self._issuer)
        binding = await self._bindings.find(self._issuer, sub)
        return _bind(Caller(role=None, sub=sub, issuer=self._issuer, claimed=claimed), claimed, binding)

    async def _verify(self, token: str) -> Mapping[str, object] | TokenRejected:
        header = jwt.get_unverified_header(token)
        # A tuple, not a set: anybody may write this header, and its value may not be hashable.
        if header.get("alg") not in tuple(ALGORITHMS):
            return TokenRejected(
                detail=f"the token is not signed with one of {', '.join(sorted(ALGORITHMS))}"
            )
        kid = header.get("kid")
        if not isinstance(kid, str) or not kid:
            return TokenRejected(detail="the token names no key (kid)")
        key = await self._jwks.key(kid)
        if key is None:
            return TokenRejected(detail="the token's kid names no key of the issuer")
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


def _with_expiry(caller: Caller | TokenRejected, claims: Mapping[str, object]) -> Caller | TokenRejected:
    if isinstance(caller, TokenRejected):
        return caller
    try:
        expires_at = datetime.fromtimestamp(int(cast(float, claims["exp"])), UTC)
        return replace(caller, expires_at=expires_at + timedelta(seconds=_LEEWAY_S))
    except (OverflowError, ValueError, OSError):
        return caller  # the time is outside of the calendar


def _caller_of(claimed: Claimed, sub: str, issuer: str) -> Caller:
    return Caller(
        role=claimed.role,
        sub=sub,
        account_id=claimed.account_id,
        vendor_id=claimed.vendor_id,
        issuer=issuer,
    )


def _bind(login: Caller, claimed: Claimed, binding: Binding | None) -> Caller | TokenRejected:
    """Return the login with the role and id of its binding; reject a token that contradicts it."""
    if binding is None:
        # A vendor who has not applied yet is a vendor by the token alone; an owner needs an account.
        return replace(login, role=Role.VENDOR) if claimed.role is Role.VENDOR else login
    if binding.role is None:
        return login
    if claimed.contradicts(binding):
        return TokenRejected(
            detail="the token says another role, account or vendor than its login is bound to"
        )
    return replace(login, role=binding.role, account_id=binding.account_id, vendor_id=binding.vendor_id)


async def open_bearer_tokens(
    settings: AuthSettings, bindings: Bindings, *, clock: Clock, timeout_s: float
) -> BearerTokens:
    """Wait until the JWKS can be read. Raises ``StopProcess`` after ``timeout_s``."""
    jwks = Jwks(settings.jwks, clock)
    await wait_for(f"the JWKS at {settings.jwks}", jwks.load, timeout_s=timeout_s, clock=clock)
    return BearerTokens(
        jwks,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        mapping=_mapping_of(settings),
        bindings=bindings,
    )


def _mapping_of(settings: AuthSettings) -> ClaimMapping:
    return ClaimMapping(
        role=settings.jwt_role_claim,
        account=settings.jwt_account_claim,
        vendor=settings.jwt_vendor_claim,
        roles=settings.jwt_roles,
    )
