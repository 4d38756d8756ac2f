"""A registry whose issuer serves its JWKS over HTTP: keys come, go, and cannot be fetched for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from keyfold.runtime.auth.jwks import Jwks
from keyfold.runtime.authenticator import BearerTokens
from tests.support.registry.serving import Registry, instance
from tests.support.runtime import tokens
from tests.support.runtime.tokens import AUDIENCE, ISSUER, KnownLogins, SetClock, Signer

REFETCH_S = 10
REFRESH_S = 300
OLD, NEW = tokens.rs256("old"), tokens.es256("new")


@dataclass(slots=True)
class Issuer:
    """Publishes the keys that it signs with, and counts who asks; one that is `away` breaks off."""

    signers: tuple[Signer, ...] = (OLD,)
    is_away: bool = False
    asked: int = 0
    clock: SetClock = field(default_factory=SetClock)

    async def publish(self, request: web.Request) -> web.StreamResponse:
        """Answer with the JWKS."""
        self.asked += 1
        if not self.is_away:
            return web.Response(body=tokens.jwks_document(*self.signers))
        # Before its first byte, aiohttp's client would try once more by itself.
        broken = web.StreamResponse(headers={"Content-Length": "1000"})
        await broken.prepare(request)
        if request.transport is not None:
            request.transport.abort()
        return broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """The issuer and a registry that believes it."""

    issuer: Issuer
    jwks: Jwks
    registry: Registry

    async def status(self, signer: Signer, *, kid: str | None = None) -> int:
        """Return how the registry answers an operator whose token this key has signed."""
        headers = {"Authorization": f"Bearer {signer.sign(kid=kid)}"}
        async with self.registry.session.get("/v1/ledger", headers=headers) as answer:
            return answer.status

    def pass_time(self, seconds: float) -> None:
        """Let time pass for the keys."""
        self.issuer.clock.seconds += seconds


@asynccontextmanager
async def _serving(issuer: Issuer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/jwks.json", issuer.publish)
    async with TestServer(app) as server:
        yield str(server.make_url("/jwks.json"))


@pytest.fixture
async def bed(database: str) -> AsyncIterator[Bed]:
    """A registry that has just started."""
    issuer = Issuer()
    async with _serving(issuer) as url:
        jwks = Jwks(url, issuer.clock)
        await jwks.load()
        auth = BearerTokens(jwks, issuer=ISSUER, audience=AUDIENCE, bindings=KnownLogins())
        async with instance(database, auth=auth) as registry:
            yield Bed(issuer=issuer, jwks=jwks, registry=registry)


async def test_a_rotation(bed: Bed) -> None:
    """A new key is believed with its first token, and the old one no more once it is withdrawn."""
    assert (await bed.status(OLD), await bed.status(NEW)) == (200, 401)
    bed.issuer.signers = (OLD, NEW)
    bed.pass_time(REFETCH_S)
    assert (await bed.status(NEW), await bed.status(OLD)) == (200, 200)
    bed.issuer.signers = (NEW,)
    bed.pass_time(REFRESH_S + 1)
    assert await bed.status(NEW) == 200
    await bed.jwks.wait_for_refresh()
    assert (await bed.status(OLD), await bed.status(NEW)) == (401, 200)
    assert bed.issuer.asked == 3


async def test_a_token_with_the_kid_of_another_key(bed: Bed) -> None:
    """A token is held against the key that its kid names, though another that is believed has signed it."""
    bed.issuer.signers = (OLD, NEW)
    bed.pass_time(REFETCH_S)
    assert await bed.status(NEW) == 200
    assert (await bed.status(OLD, kid="new"), await bed.status(NEW, kid="old")) == (401, 401)


async def test_an_issuer_that_is_away(bed: Bed) -> None:
    """While the JWKS is away the known keys go on, also past their age, and it is not asked all the time."""
    bed.issuer.is_away = True
    bed.pass_time(REFRESH_S + 1)
    assert await asyncio.gather(*(bed.status(OLD) for _ in range(20))) == [200] * 20
    await bed.jwks.wait_for_refresh()
    assert bed.issuer.asked == 2
    assert await asyncio.gather(*(bed.status(NEW) for _ in range(20))) == [401] * 20
    assert bed.issuer.asked == 2
    bed.pass_time(REFETCH_S)
    assert await asyncio.gather(*(bed.status(NEW) for _ in range(20))) == [401] * 20
    assert bed.issuer.asked == 3


async def test_an_issuer_that_comes_back(bed: Bed) -> None:
    """Once the JWKS is there again, what it holds by then counts."""
    bed.issuer.is_away = True
    bed.pass_time(REFETCH_S)
    assert await bed.status(NEW) == 401
    bed.issuer.is_away, bed.issuer.signers = False, (NEW,)
    bed.pass_time(REFETCH_S)
    assert (await bed.status(NEW), await bed.status(OLD)) == (200, 401)
