"""Who calls: a bearer token becomes a caller, or the reason why it does not."""

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
        """Return who calls, or why nobody can be told."""
        ...


class NoTokens:
    """Believes nobody: for a service whose routes are all public."""

    async def authenticate(self, _authorization: str | None) -> Caller | TokenRejected:
        """Return that nobody is recognised here."""
        return TokenRejected(detail="this service takes no tokens")


class Bindings(Protocol):
    """Knows what logins are bound to, at this moment."""

    async def find(self, issuer: str, subject: str) -> Binding | None:
        """Return what a login is bound to, None for one that never was. Raises TryLater."""
        ...


class BearerTokens:
    """Believes JWTs signed by a key of the JWKS, for one issuer and audience.

    What a token leaves open of who its bearer is, and that alone, is looked up in the bindings.
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
        """Return who calls, or why nobody can be told. Raises TryLater where that has to be looked up."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return TokenRejected(detail="an Authorization header with a Bearer token is needed")
        if not token.isascii():
            return TokenRejected(detail=_MALFORMED)
        try:
            claims = await self._claims(token.strip())
        except jwt.PyJWTError as invalid:
            return TokenRejected(detail=_explain(invalid))
        return (
            claims if isinstance(claims, TokenRejected) else _until_expiry(await self._caller(claims), claims)
        )

    async def _caller(self, claims: Mapping[str, object]) -> Caller | TokenRejected:
        sub = read_name(claims["sub"])
        if sub is None:
            return TokenRejected(detail="the token's sub is empty or not usable as a name")
        claimed = self._mapping.read(claims)
        if isinstance(claimed, TokenRejected):
            return claimed
        if claimed.is_whole:
            return _whole(claimed, sub, self._issuer)
        binding = await self._bindings.find(self._issuer, sub)
        return _bound(Caller(role=None, sub=sub, issuer=self._issuer, claimed=claimed), claimed, binding)

    async def _claims(self, token: str) -> Mapping[str, object] | TokenRejected:
        header = jwt.get_unverified_header(token)
        # Compared one by one: anybody may write this header, and a set takes only what can be hashed.
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


def _until_expiry(caller: Caller | TokenRejected, claims: Mapping[str, object]) -> Caller | TokenRejected:
    if isinstance(caller, TokenRejected):
        return caller
    try:
        expires_at = datetime.fromtimestamp(int(cast(float, claims["exp"])), UTC)
        return replace(caller, expires_at=expires_at + timedelta(seconds=_LEEWAY_S))
    except (OverflowError, ValueError, OSError):
        return caller  # it lies outside of the calendar


def _whole(claimed: Claimed, sub: str, issuer: str) -> Caller:
    return Caller(
        role=claimed.role,
        sub=sub,
        account_id=claimed.account_id,
        vendor_id=claimed.vendor_id,
        issuer=issuer,
    )


def _bound(login: Caller, claimed: Claimed, binding: Binding | None) -> Caller | TokenRejected:
    """Return the login as what it is bound to; nobody where the token says otherwise."""
    if binding is None:
        # Somebody who has not applied yet is a vendor by the token alone; an owner is one of some account.
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
    """Wait until the JWKS can be read, at most ``timeout_s``, else raise ``StopProcess``."""
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
