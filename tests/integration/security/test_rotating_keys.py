"""A registry whose issuer serves its JWKS over HTTP: keys come, go, and cannot be fetched for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from keyfold.runtime.auth.jwks import AGE_MAX_S, Jwks
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
    said: dict[str, object] = field(default_factory=dict)
    asked: int = 0
    clock: SetClock = field(default_factory=SetClock)

    async def publish(self, request: web.Request) -> web.StreamResponse:
        """Answer with the JWKS."""
        self.asked += 1
        if not self.is_away:
            return web.Response(body=tokens.jwks_document(*self.signers, **self.said))
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
        return (await self.answer(signer, kid=kid))[0]

    async def answer(self, signer: Signer, *, kid: str | None = None) -> tuple[int, Any]:
        """Return the status and the body of such an answer."""
        headers = {"Authorization": f"Bearer {signer.sign(kid=kid)}"}
        async with self.registry.session.get("/v1/ledger", headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

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


@pytest.mark.parametrize("said", [None, {"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "ES256"}])
async def test_a_withdrawal_without_a_successor(bed: Bed, said: dict[str, object] | None) -> None:
    """An empty JWKS, or one in which the key is for something else, ends the key like any withdrawal."""
    bed.issuer.signers = () if said is None else (OLD,)
    bed.issuer.said = said or {}
    bed.pass_time(REFRESH_S + 1)
    assert await bed.status(OLD) == 200
    await bed.jwks.wait_for_refresh()
    status, body = await bed.answer(OLD)
    assert (status, body["detail"]) == (401, "the token's kid names no key of the issuer")
    assert "names no signing key" in str(bed.jwks.check())


async def test_an_issuer_that_is_away_for_too_long(bed: Bed) -> None:
    """Nobody keeps a withdrawn key alive by keeping its JWKS away: after an hour no token is believed."""
    bed.issuer.is_away = True
    bed.pass_time(AGE_MAX_S)
    assert await bed.status(OLD) == 200
    await bed.jwks.wait_for_refresh()
    bed.pass_time(REFETCH_S)
    asked = bed.issuer.asked
    answers = await asyncio.gather(*(bed.answer(OLD) for _ in range(20)))
    assert {status for status, _ in answers} == {503}
    assert {body["type"] for _, body in answers} == {"urn:keyfold:problem:token-keys-too-old"}
    assert "could not be refreshed" in answers[0][1]["detail"]
    assert bed.issuer.asked == asked + 1
    bed.issuer.is_away = False
    bed.pass_time(REFETCH_S)
    assert await bed.status(OLD) == 200


async def test_an_issuer_that_comes_back(bed: Bed) -> None:
    """Once the JWKS is there again, what it holds by then counts."""
    bed.issuer.is_away = True
    bed.pass_time(REFETCH_S)
    assert await bed.status(NEW) == 401
    bed.issuer.is_away, bed.issuer.signers = False, (NEW,)
    bed.pass_time(REFETCH_S)
    assert (await bed.status(NEW), await bed.status(OLD)) == (200, 401)
