"""The local stack's own tokens."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from keyfold.local.signing import AUDIENCE, ISSUER, Claims, LocalSigner
from keyfold.runtime.auth.caller import Caller, Role, TokenRejected
from keyfold.runtime.auth.jwks import Jwks
from keyfold.runtime.authenticator import BearerTokens
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.support.runtime.tokens import KnownLogins

OWNER = Claims(role="owner", sub="olga", account_id="acc_1")


@pytest.fixture
def signer(tmp_path: Path) -> LocalSigner:
    """A signer with a key of its own."""
    signer = LocalSigner(tmp_path)
    signer.prepare()
    return signer


async def caller(signer: LocalSigner, token: str) -> Caller | TokenRejected:
    """Return whom a service takes the bearer to be."""
    jwks = Jwks(str(signer.jwks_path), SYSTEM_CLOCK)
    await jwks.load()
    tokens = BearerTokens(jwks, issuer=ISSUER, audience=AUDIENCE, bindings=KnownLogins())
    return await tokens.authenticate(f"Bearer {token}")


async def test_believed(signer: LocalSigner) -> None:
    """A service accepts a token of its stack, with exactly what was claimed."""
    token = signer.sign(OWNER, now=SYSTEM_CLOCK.now(), ttl_s=60)

    assert await caller(signer, token) == Caller(role=Role.OWNER, sub="olga", account_id="acc_1")
    assert "vendor_id" not in jwt.decode(token, options={"verify_signature": False})


async def test_without_a_role(signer: LocalSigner) -> None:
    """A token may name no role, like those of most identity providers."""
    token = signer.sign(Claims(role=None, sub="nora"), now=SYSTEM_CLOCK.now(), ttl_s=60)

    assert await caller(signer, token) == Caller(role=None, sub="nora")
    assert "role" not in jwt.decode(token, options={"verify_signature": False})


async def test_expires(signer: LocalSigner) -> None:
    """A token is valid until it expires, and no longer."""
    past = SYSTEM_CLOCK.now() - timedelta(seconds=120)

    assert isinstance(await caller(signer, signer.sign(OWNER, now=past, ttl_s=60)), TokenRejected)


async def test_another_stack(signer: LocalSigner, tmp_path: Path) -> None:
    """A token of another stack is not accepted."""
    (tmp_path / "other").mkdir()
    other = LocalSigner(tmp_path / "other")
    other.prepare()

    token = other.sign(OWNER, now=SYSTEM_CLOCK.now(), ttl_s=60)

    assert isinstance(await caller(signer, token), TokenRejected)


async def test_key_stays(signer: LocalSigner, tmp_path: Path) -> None:
    """The key survives a restart, so that tokens do too, and nobody else can read it."""
    token = signer.sign(OWNER, now=SYSTEM_CLOCK.now(), ttl_s=60)

    again = LocalSigner(tmp_path)
    again.prepare()

    assert isinstance(await caller(again, token), Caller)
    assert stat.S_IMODE((tmp_path / "signing-key.pem").stat().st_mode) == 0o600
