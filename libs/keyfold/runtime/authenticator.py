"""Authentication: a bearer token becomes a caller, or the reason why it does not."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, cast

from keyfold.runtime import metrics
from keyfold.runtime.auth.access_tokens import LEEWAY_S, MALFORMED, TOKEN_TYPES, AccessTokens
from keyfold.runtime.auth.caller import Binding, Caller, Claimed, Role, TokenRejected
from keyfold.runtime.auth.claims import PLAIN_CLAIMS, ClaimMapping, read_name
from keyfold.runtime.auth.jwks import Jwks
from keyfold.runtime.clock import Clock
from keyfold.runtime.settings.base import AuthSettings
from keyfold.runtime.waiting import wait_for

AGE: Final = metrics.gauge(
    "keyfold_jwks_age_seconds", "How long ago the keys that sign bearer tokens were last read.", ("source",)
)
"""Labelled, so that a service that takes no tokens does not show an age of 0."""


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
        types: Collection[str] = TOKEN_TYPES,
        mapping: ClaimMapping = PLAIN_CLAIMS,
    ) -> None:
        self.jwks = jwks
        self._tokens = AccessTokens(jwks=jwks, issuer=issuer, audience=audience, types=frozenset(types))
        self._issuer = issuer
        self._mapping = mapping
        self._bindings = bindings

    async def authenticate(self, authorization: str | None) -> Caller | TokenRejected:
        """Return who calls, or why that cannot be told.

        Raises TryLater if a look-up fails, KeysTooOld if no key is believed.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return TokenRejected(detail="an Authorization header with a Bearer token is needed")
        if not token.isascii():
            return TokenRejected(detail=MALFORMED)
        claims = await self._tokens.verify(token.strip())
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


def _with_expiry(caller: Caller | TokenRejected, claims: Mapping[str, object]) -> Caller | TokenRejected:
    if isinstance(caller, TokenRejected):
        return caller
    try:
        expires_at = datetime.fromtimestamp(int(cast(float, claims["exp"])), UTC)
        return replace(caller, expires_at=expires_at + timedelta(seconds=LEEWAY_S))
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
    jwks = Jwks(settings.jwks, clock, age_max_s=settings.jwks_age_max_s)
    AGE.labels(settings.jwks).set_function(jwks.age_s)
    await wait_for(f"the JWKS at {settings.jwks}", jwks.load, timeout_s=timeout_s, clock=clock)
    return BearerTokens(
        jwks,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        types=settings.jwt_types,
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
