"""The OpenID provider: where people sign in, and what it says about them (OpenID Connect Core 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2
import jwt
import msgspec
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError

from keyfold.console.settings import ConsoleSettings
from keyfold.runtime.auth.access_tokens import LEEWAY_S, PLAIN_JWT, may_be, type_of
from keyfold.runtime.auth.documents import fetch_document
from keyfold.runtime.auth.jwks import Jwks
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater
from keyfold.runtime.settings.addresses import check_trusted_url

_TIMEOUT_S: Final = 10.0
_KIND_OF_ID: Final = {"typ": "id", "token_use": "id"}
_RANDOM_BYTES: Final = 32
_TOKEN_LASTS_S: Final = 300  # if the provider does not say

log = structlog.get_logger(__name__)


class NotSignedIn(Exception):
    """The provider let nobody in, or its answer cannot be trusted; the person begins again."""


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """What the console must remember while a person signs in at the provider."""

    state: str
    nonce: str
    verifier: str
    return_to: str

    def __repr__(self) -> str:
        return f"Journey({self.return_to})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTokens:
    """A provider's tokens: the access token is for the services, the ID token only says who signed in."""

    access_token: str = field(repr=False)
    until: datetime
    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)


class _Description(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider says of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None

    def check(self, issuer: str) -> None:
        """Raise ValueError if it is another's, or leads where answers can be swapped, or to a file."""
        if self.issuer != issuer:
            raise ValueError("its issuer is another one")
        for address in (self.authorization_endpoint, self.token_endpoint, self.jwks_uri):
            check_trusted_url(address)
        if self.end_session_endpoint is not None:
            check_trusted_url(self.end_session_endpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Discovered:
    description: _Description
    keys: Jwks


class Provider:
    """Sends people to the provider with PKCE, and exchanges the code that they bring back for tokens."""

    def __init__(self, settings: ConsoleSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._known: _Discovered | None = None

    @property
    def _callback(self) -> str:
        return f"{self._settings.console_url}/sign-in/done"

    async def begin(self, return_to: str) -> tuple[str, Journey]:
        """Return where to send the person, and what to remember until they return. Raises TryLater."""
        found = await self._ensure_discovered(anew=True)
        random = (self._clock.random_bytes(_RANDOM_BYTES).hex() for _ in range(3))
        journey = Journey(state=next(random), nonce=next(random), verifier=next(random), return_to=return_to)
        asked = {"resource": self._settings.oidc_resource, "audience": self._settings.oidc_audience}
        async with self._client() as client:
            address, _ = client.create_authorization_url(
                found.description.authorization_endpoint,
                state=journey.state,
                nonce=journey.nonce,
                code_verifier=journey.verifier,
                **{name: value for name, value in asked.items() if value is not None},
            )
        return str(address), journey

    async def end(self, journey: Journey, query: Mapping[str, str]) -> ProviderTokens:
        """Return the tokens for the code that a person brought back. Raises NotSignedIn or TryLater."""
        if query.get("state") != journey.state:
            raise NotSignedIn("the answer belongs to another sign-in")
        if "code" not in query:
            raise NotSignedIn("the provider did not let you in")
        found = await self._ensure_discovered()
        asked = {} if self._settings.oidc_resource is None else {"resource": self._settings.oidc_resource}
        tokens = await self._trade(
            found,
            grant_type="authorization_code",
            code=query["code"],
            code_verifier=journey.verifier,
            **asked,
        )
        await self._check(found, tokens, journey.nonce)
        return tokens

    async def renew(self, refresh_token: str) -> ProviderTokens:
        """Return new tokens for a refresh token. Raises NotSignedIn if it is no longer valid, or TryLater."""
        found = await self._ensure_discovered()
        asked = {} if self._settings.oidc_resource is None else {"resource": self._settings.oidc_resource}
        return await self._trade(found, grant_type="refresh_token", refresh_token=refresh_token, **asked)

    async def sign_out_address(self, id_token: str | None) -> str | None:
        """Return the address that ends a session at the provider too, None if it has none."""
        end = (await self._ensure_discovered(anew=True)).description.end_session_endpoint
        if end is None:
            return None
        back = {
            "post_logout_redirect_uri": f"{self._settings.console_url}/sign-in",
            "client_id": self._client_id,
        }
        hint = {} if id_token is None else {"id_token_hint": id_token}
        return str(httpx2.URL(end).copy_merge_params({**back, **hint}))

    @property
    def _client_id(self) -> str:
        return self._settings.oidc_client_id or ""

    def _client(self) -> AsyncOAuth2Client:
        secret = self._settings.oidc_client_secret
        return AsyncOAuth2Client(
            self._client_id,
            None if secret is None else secret.get_secret_value(),
            token_endpoint_auth_method="none" if secret is None else "client_secret_basic",
            scope=self._settings.oidc_scope,
            redirect_uri=self._callback,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
        )

    async def _trade(self, found: _Discovered, **asked: str) -> ProviderTokens:
        try:
            async with self._client() as client:
                endpoint = found.description.token_endpoint
                answer: Mapping[str, Any] = await client.fetch_token(endpoint, **asked)
            access_token = str(answer["access_token"])
        except (AuthlibBaseError, ValueError, KeyError) as refused:
            log.warning("tokens_refused", grant_type=asked["grant_type"], error=_why(refused))
            raise NotSignedIn("the provider does not know this sign-in any more") from refused
        except httpx2.HTTPError as away:
            raise TryLater(f"the OpenID provider: {away or type(away).__name__}") from away
        lasts_s = int(answer.get("expires_in") or _TOKEN_LASTS_S)
        return ProviderTokens(
            access_token=access_token,
            until=self._clock.now() + timedelta(seconds=lasts_s),
            refresh_token=answer.get("refresh_token"),
            id_token=answer.get("id_token"),
        )

    async def _check(self, found: _Discovered, tokens: ProviderTokens, nonce: str) -> None:
        """Check an ID token (OpenID Connect Core 1.0, section 3.1.3.7). Raises NotSignedIn or TryLater."""
        id_token = tokens.id_token
        if id_token is None:
            raise NotSignedIn("the provider did not say who you are")
        try:
            header = jwt.get_unverified_header(id_token)
            key = await found.keys.key(str(header.get("kid")))
            if key is None:
                raise NotSignedIn("the provider's answer is not signed with one of its keys")
            claims = jwt.decode(
                id_token,
                key,
                algorithms=[key.algorithm_name],
                issuer=self._settings.oidc_issuer,
                audience=self._client_id,
                leeway=LEEWAY_S,
                options={"require": ["iss", "aud", "exp", "iat", "sub"]},
            )
        except jwt.PyJWTError as invalid:
            raise NotSignedIn("the provider's answer cannot be believed") from invalid
        if "crit" in header or type_of(header) != PLAIN_JWT or not may_be(_KIND_OF_ID, claims):
            raise NotSignedIn("the provider's answer is not an ID token")
        expected = {"nonce": nonce, "client_id": self._client_id, "access_token": tokens.access_token}
        try:
            CodeIDToken(claims, header, params=expected).validate(leeway=LEEWAY_S)
        except (JoseError, TypeError, ValueError) as invalid:
            raise NotSignedIn("the provider's answer belongs to another sign-in") from invalid

    async def _ensure_discovered(self, *, anew: bool = False) -> _Discovered:
        # Asked again before somebody is sent there, so that nobody is sent to a provider that is away.
        if self._known is None or anew:
            self._known = await self._discover()
        return self._known

    async def _discover(self) -> _Discovered:
        issuer = str(self._settings.oidc_issuer)
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            described = msgspec.json.decode(await fetch_document(address), type=_Description)
            described.check(issuer)
        except (msgspec.MsgspecError, ValueError) as wrong:
            raise TryLater(f"the OpenID provider at {issuer} does not describe itself: {wrong}") from None
        jwks = described.jwks_uri
        return _Discovered(
            description=described,
            keys=self._known.keys
            if self._known and self._known.description.jwks_uri == jwks
            else Jwks(jwks, self._clock),
        )


def _why(refused: Exception) -> str:
    # Only the protocol's own code, such as `invalid_client`: other text of the provider may hold anything.
    return str(getattr(refused, "error", "")) or type(refused).__name__


def until_of(token: str, otherwise: datetime) -> datetime:
    """Return when an access token says that it expires; its signature is not verified here."""
    try:
        return datetime.fromtimestamp(int(jwt.decode(token, options={"verify_signature": False})["exp"]), UTC)
    except (jwt.PyJWTError, KeyError, ValueError, OverflowError, OSError):
        return otherwise
