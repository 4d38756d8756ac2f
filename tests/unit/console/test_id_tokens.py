"""Signing in: only an ID token of the provider, for this console and this sign-in, lets anybody in."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha512
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from keyfold.console.settings import ConsoleSettings
from keyfold.console.sign_in.provider import Journey, NotSignedIn, Provider
from keyfold.runtime.failure import TryLater
from tests.support.runtime import tokens
from tests.support.runtime.tokens import SetClock, Signer

CLIENT: Final = "keyfold-console"
SIGNER: Final = tokens.eddsa("signing")
JOURNEY: Final = Journey(state="state", nonce="nonce", verifier="v" * 43, return_to="")
CAME_BACK: Final = {"state": JOURNEY.state, "code": "c"}
ACCESS_TOKEN: Final = "an-access-token"


def half_hash(text: str) -> str:
    """Return the `at_hash` of an access token beside an EdDSA signature."""
    return base64.urlsafe_b64encode(sha512(text.encode()).digest()[:32]).decode().rstrip("=")


@dataclass(slots=True)
class Issuer:
    """A provider that answers a code with this ID token, and publishes its keys as they are said to be."""

    id_token: str | None = None
    said: dict[str, object] = field(default_factory=dict)
    described: dict[str, object] = field(default_factory=dict)
    is_away: bool = False
    url: str = ""

    def claims(self) -> Mapping[str, object]:
        """Return the claims of an ID token that lets somebody in."""
        now = datetime.now(UTC)
        return {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "olga",
            "nonce": JOURNEY.nonce,
            "iat": now,
            "exp": now + timedelta(minutes=5),
            "role": None,
        }

    async def describe(self, _request: web.Request) -> web.Response:
        """Answer with where everything is."""
        ends = {f"{name}_endpoint": f"{self.url}/{name}" for name in ("authorization", "token")}
        described = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", **ends, **self.described}
        return web.json_response(described)

    async def trade(self, _request: web.Request) -> web.Response:
        """Answer a code with tokens."""
        given = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 60}
        return web.json_response(given if self.id_token is None else {**given, "id_token": self.id_token})

    async def publish(self, _request: web.Request) -> web.Response:
        """Answer with the keys."""
        if self.is_away:
            return web.Response(status=500)
        return web.Response(body=tokens.jwks_document(SIGNER, **self.said))


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """A provider over HTTP."""
    issuer, app = Issuer(), web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.describe)
    app.router.add_post("/token", issuer.trade)
    app.router.add_get("/jwks", issuer.publish)
    async with TestServer(app) as server:
        issuer.url = str(server.make_url("")).rstrip("/")
        yield issuer


def signing_in(issuer: Issuer, clock: SetClock | None = None) -> Provider:
    """Return what signs people in at that provider."""
    given: dict[str, Any] = {
        "console_url": "http://127.0.0.1:8080",
        "session_secret": "s" * 40,
        "registry_url": "http://127.0.0.1:1",
        "audit_url": "http://127.0.0.1:1",
        "gatekeeper_url": "http://127.0.0.1:1",
        "oidc_issuer": issuer.url,
        "oidc_client_id": CLIENT,
    }
    return Provider(ConsoleSettings(**given), clock or SetClock())


async def end(issuer: Issuer) -> str:
    """Let somebody come back with a code; return the access token that they are let in with."""
    return (await signing_in(issuer).end(JOURNEY, CAME_BACK)).access_token


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        ({}, {}),
        ({}, {"typ": None}),
        ({"typ": "ID", "azp": CLIENT}, {}),
        ({"at_hash": half_hash(ACCESS_TOKEN)}, {}),
        ({"aud": [CLIENT, "another"], "azp": CLIENT}, {}),
    ],
)
async def test_an_id_token_lets_in(issuer: Issuer, changes: dict[str, Any], header: dict[str, Any]) -> None:
    """One that is for this console and this sign-in does, with the access token beside it."""
    issuer.id_token = SIGNER.sign({**issuer.claims(), **changes}, **header)
    assert await end(issuer) == ACCESS_TOKEN


NOT_IN: Final[Mapping[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "an access token, by its type": ({}, {"typ": "at+jwt"}),
    "an access token, by its word": ({"typ": "Bearer"}, {}),
    "a logout token": ({}, {"typ": "logout+jwt"}),
    "a critical extension": ({}, {"crit": ["b64"]}),
    "no nonce": ({"nonce": None}, {}),
    "another sign-in's nonce": ({"nonce": "another"}, {}),
    "another client's": ({"aud": "another"}, {}),
    "for several, and no word of whose": ({"aud": [CLIENT, "another"]}, {}),
    "issued to another client": ({"aud": [CLIENT, "another"], "azp": "another"}, {}),
    "beside another access token": ({"at_hash": half_hash("another")}, {}),
    "another issuer": ({"iss": "https://evil.test"}, {}),
    "expired": ({"exp": 1}, {}),
    "no expiry": ({"exp": None}, {}),
    "no subject": ({"sub": None}, {}),
}


@pytest.mark.parametrize("name", NOT_IN)
async def test_nothing_else_lets_in(issuer: Issuer, name: str) -> None:
    """Whatever the provider, or somebody in its place, answers instead: nobody is signed in."""
    changes, header = NOT_IN[name]
    issuer.id_token = SIGNER.sign({**issuer.claims(), **changes}, **header)
    with pytest.raises(NotSignedIn):
        await end(issuer)


async def test_no_id_token(issuer: Issuer) -> None:
    """A provider that does not say who signed in lets nobody in."""
    with pytest.raises(NotSignedIn, match="did not say who you are"):
        await end(issuer)


@pytest.mark.parametrize("signer", [tokens.eddsa(SIGNER.kid), tokens.es256(SIGNER.kid), tokens.eddsa("x")])
async def test_another_key(issuer: Issuer, signer: Signer) -> None:
    """A key of somebody else signs nobody in, under whatever name."""
    issuer.id_token = signer.sign(issuer.claims())
    with pytest.raises(NotSignedIn):
        await end(issuer)


async def test_a_key_that_the_provider_withdrew(issuer: Issuer) -> None:
    """A key that was believed before signs nobody in once it is for encryption, or cannot be read again."""
    issuer.id_token, clock = SIGNER.sign(issuer.claims()), SetClock()
    provider = signing_in(issuer, clock)
    await provider.end(JOURNEY, CAME_BACK)
    issuer.is_away = True
    clock.seconds += 3601
    with pytest.raises(TryLater):
        await provider.end(JOURNEY, CAME_BACK)
    issuer.is_away, issuer.said = False, {"use": "enc"}
    clock.seconds += 10
    with pytest.raises(NotSignedIn, match="not signed with one of its keys"):
        await provider.end(JOURNEY, CAME_BACK)


@pytest.mark.parametrize(
    "described",
    [
        {"jwks_uri": "/etc/keyfold/jwks.json"},
        {"jwks_uri": "file:///etc/keyfold/jwks.json"},
        {"jwks_uri": "http://login.example.com/jwks"},
        {"token_endpoint": "http://login.example.com/token"},
        {"authorization_endpoint": "http://login.example.com/authorize"},
        {"end_session_endpoint": "javascript:alert(1)"},
        {"issuer": "https://evil.test"},
        {"jwks_uri": None},
        {"padding": "x" * 300_000},
    ],
    ids=lambda described: next(iter(described)),
)
async def test_a_provider_that_leads_elsewhere(issuer: Issuer, described: dict[str, object]) -> None:
    """Nobody is sent, and no secret or code either, where answers can be swapped on the way, or to a file."""
    issuer.described = described
    with pytest.raises(TryLater):
        await signing_in(issuer).begin("")
