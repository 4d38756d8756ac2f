"""The issuer's keys: which of them are used, how they change, and what gives none."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec

from keyfold.runtime.auth.caller import Caller, TokenRejected
from keyfold.runtime.auth.jwks import Jwks, KeysTooOld
from keyfold.runtime.authenticator import BearerTokens, open_bearer_tokens
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.failure import StopProcess, TryLater
from keyfold.runtime.metrics import exposition
from keyfold.runtime.settings.base import AuthSettings
from tests.support.eventually import eventually_so
from tests.support.runtime import tokens
from tests.support.runtime.tokens import AUDIENCE, ISSUER, SIGNER, KnownLogins, SetClock, outcome

UNKNOWN_KEY = TokenRejected(detail="the token's kid names no key of the issuer")


async def test_a_new_key_is_fetched_once_in_a_while(tmp_path: Path) -> None:
    """An unknown kid causes a new read of the JWKS, but not for each of a flood of them."""
    clock, newer = SetClock(), tokens.eddsa("newer")
    path = tokens.jwks_file(tmp_path, SIGNER)
    auth = await tokens.believing(path, clock)
    tokens.jwks_file(tmp_path, SIGNER, newer)
    assert await outcome(auth, newer.sign()) == UNKNOWN_KEY
    clock.seconds += 10
    assert isinstance(await outcome(auth, newer.sign()), Caller)
    path.unlink()
    assert await outcome(auth, tokens.eddsa("other").sign()) == UNKNOWN_KEY
    assert isinstance(await outcome(auth, newer.sign()), Caller)


async def test_keys_outlive_their_source_for_a_while(tmp_path: Path) -> None:
    """While the JWKS is away, the known keys go on working, and unknown ones are rejected."""
    clock = SetClock()
    path = tokens.jwks_file(tmp_path, SIGNER)
    auth = await tokens.believing(path, clock)
    path.unlink()
    clock.seconds += 1000
    assert isinstance(await outcome(auth, SIGNER.sign()), Caller)
    assert isinstance(await outcome(auth, tokens.eddsa("new").sign()), TokenRejected)
    assert isinstance(await outcome(auth, SIGNER.sign()), Caller)
    assert auth.jwks.check() is None


async def test_no_key_is_believed_that_was_not_read_for_too_long(tmp_path: Path) -> None:
    """However long the JWKS is kept away: no token is believed after an hour, until it is read again."""
    clock = SetClock()
    path = tokens.jwks_file(tmp_path, SIGNER)
    auth = await tokens.believing(path, clock)
    path.unlink()
    for _ in range(6):
        clock.seconds += 600
        assert isinstance(await outcome(auth, SIGNER.sign()), Caller)
        await auth.jwks.wait_for_refresh()
    clock.seconds += 1
    for _ in range(3):
        with pytest.raises(KeysTooOld, match="could not be read for more than 3600 s"):
            await outcome(auth, SIGNER.sign())
    assert auth.jwks.check() == f"the JWKS at {path} could not be read for more than 3600 s"
    assert auth.jwks.age_s() == 3601
    tokens.jwks_file(tmp_path, SIGNER)
    clock.seconds += 10
    assert isinstance(await outcome(auth, SIGNER.sign()), Caller)
    assert (auth.jwks.check(), auth.jwks.age_s()) == (None, 0)


async def test_keys_that_are_not_looked_for_do_not_become_too_old(tmp_path: Path) -> None:
    """The first token after a quiet night is held against the keys of today."""
    clock, newer = SetClock(), tokens.eddsa("newer")
    auth = await tokens.believing(tokens.jwks_file(tmp_path, SIGNER), clock)
    tokens.jwks_file(tmp_path, newer)
    clock.seconds += 12 * 3600
    assert await outcome(auth, SIGNER.sign()) == UNKNOWN_KEY
    assert isinstance(await outcome(auth, newer.sign()), Caller)


async def test_they_are_read_without_any_token(tmp_path: Path) -> None:
    """A watch reads them, so that their age and the readiness say what is true of a quiet service."""
    jwks = Jwks(str(tokens.jwks_file(tmp_path, SIGNER)), SYSTEM_CLOCK, age_max_s=0.1)
    await jwks.load()
    watching = asyncio.create_task(jwks.watch())
    tokens.jwks_file(tmp_path)
    await eventually_so(lambda: "names no signing key" in str(jwks.check()))
    watching.cancel()


async def test_a_withdrawn_key_stops_working(tmp_path: Path) -> None:
    """A key that its issuer withdrew is dropped by the refresh that its use causes."""
    clock = SetClock()
    jwks = Jwks(str(tokens.jwks_file(tmp_path, SIGNER)), clock)
    await jwks.load()
    tokens.jwks_file(tmp_path, tokens.es256())
    clock.seconds += 301
    assert await jwks.key(SIGNER.kid) is not None
    await jwks.wait_for_refresh()
    assert await jwks.key(SIGNER.kid) is None


@pytest.mark.parametrize(
    "withdrawal",
    [
        tokens.jwks_document(),
        tokens.jwks_document(SIGNER, use="enc"),
        tokens.jwks_document(SIGNER, use="other"),
        tokens.jwks_document(SIGNER, use=None, key_ops=["encrypt", "wrapKey"]),
        tokens.jwks_document(SIGNER, key_ops=[]),
        tokens.jwks_document(SIGNER, key_ops="verify"),
        tokens.jwks_document(SIGNER, alg="ES256"),
        tokens.jwks_document(SIGNER, alg="Ed448"),
        tokens.jwks_document(SIGNER, alg=["EdDSA"]),
        tokens.jwks_document(SIGNER, crv="X25519"),
        tokens.jwks_document(SIGNER, kty=["OKP"]),
        tokens.jwks_document(SIGNER, kid="other"),
        tokens.jwks_document(SIGNER, kid=7),
        tokens.jwks_document(SIGNER, d="AAAA"),
    ],
)
async def test_every_way_to_withdraw_a_key(tmp_path: Path, withdrawal: bytes) -> None:
    """An empty JWKS is obeyed, as is one in which the key is for something else: its tokens end."""
    clock = SetClock()
    path = tokens.jwks_file(tmp_path, SIGNER)
    auth = await tokens.believing(path, clock)
    path.write_bytes(withdrawal)
    clock.seconds += 301
    await outcome(auth, SIGNER.sign())
    await auth.jwks.wait_for_refresh()
    assert await outcome(auth, SIGNER.sign()) == UNKNOWN_KEY
    assert (auth.jwks.check() is None) == (b'"other"' in withdrawal and b'"use":"sig"' in withdrawal)


@pytest.mark.parametrize("use", [{"use": None}, {"key_ops": ["verify"]}, {"use": None, "alg": None}])
async def test_keys_that_say_less_are_for_signatures(tmp_path: Path, use: dict[str, object]) -> None:
    """A key needs neither `use` nor `alg`: its kind says what it is for."""
    auth = await tokens.believing(tokens.jwks_file(tmp_path, SIGNER, **use))
    assert isinstance(await outcome(auth, SIGNER.sign()), Caller)


@pytest.mark.parametrize("text", ["", "<html>", "{}", '{"keys": {}}', '{"keys": null}'])
async def test_what_is_no_jwks_withdraws_nothing(tmp_path: Path, text: str) -> None:
    """A proxy's page in its place is not the issuer's word."""
    clock = SetClock()
    path = tokens.jwks_file(tmp_path, SIGNER)
    auth = await tokens.believing(path, clock)
    path.write_text(text)
    clock.seconds += 301
    await outcome(auth, SIGNER.sign())
    await auth.jwks.wait_for_refresh()
    assert isinstance(await outcome(auth, SIGNER.sign()), Caller)
    assert auth.jwks.age_s() == 301


@pytest.mark.parametrize(
    "member",
    [
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEy", "kid": "a", "alg": "HS256"},
        {**tokens.rs256(bits=1024).jwk(), "kid": "a"},
        {**tokens.eddsa().jwk(), "use": "enc"},
        {**tokens.Signer(kid="a", algorithm="ES384", private=ec.generate_private_key(ec.SECP384R1())).jwk()},
        {key: value for key, value in tokens.eddsa().jwk().items() if key != "kid"},
        {"kty": "EC"},
        "key",
    ],
    ids=["symmetric", "short", "encryption", "es384", "nameless", "broken", "text"],
)
async def test_keys_that_are_not_used(member: object, tmp_path: Path) -> None:
    """A JWKS without a usable key is refused: symmetric, short and nameless keys do not count."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [member]}))
    with pytest.raises(TryLater, match="names no signing key"):
        await Jwks(str(path), SetClock()).load()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": 7}', "<html>"])
async def test_no_jwks(text: str, tmp_path: Path) -> None:
    """A document that is not a JWKS is refused as such."""
    path = tmp_path / "jwks.json"
    path.write_text(text)
    with pytest.raises(TryLater, match="not a JWKS"):
        await Jwks(str(path), SetClock()).load()


@asynccontextmanager
async def serving(answer: web.Response) -> AsyncIterator[str]:
    """Serve one answer as a JWKS and yield its address."""

    async def handle(_request: web.Request) -> web.Response:
        return answer

    async def good(_request: web.Request) -> web.Response:
        return web.Response(body=tokens.jwks_document(SIGNER))

    app = web.Application()
    app.router.add_get("/jwks", handle)
    app.router.add_get("/elsewhere", good)
    async with TestServer(app) as server:
        yield str(server.make_url("/jwks"))


async def test_jwks_from_a_url() -> None:
    """The keys may come from a URL."""
    async with serving(web.Response(body=tokens.jwks_document(SIGNER))) as url:
        jwks = Jwks(url, SetClock())
        await jwks.load()
    auth = BearerTokens(jwks, issuer=ISSUER, audience=AUDIENCE, bindings=KnownLogins())
    assert isinstance(await outcome(auth, SIGNER.sign()), Caller)


@pytest.mark.parametrize("status", [203, 302, 404, 500])
async def test_jwks_url_that_fails(status: int) -> None:
    """A URL that answers with an error or a redirect gives no keys, whatever its body is."""
    body = tokens.jwks_document(SIGNER)
    async with serving(web.Response(status=status, body=body, headers={"Location": "/elsewhere"})) as url:
        with pytest.raises(TryLater):
            await Jwks(url, SetClock()).load()


async def test_a_jwks_that_floods() -> None:
    """Reading a JWKS document stops after 256 KiB."""
    async with serving(web.Response(body=b" " * 300_000)) as url:
        with pytest.raises(TryLater, match="longer than"):
            await Jwks(url, SetClock()).load()


async def test_a_jwks_that_grows() -> None:
    """What a server compresses though it was not to is not unpacked: it could be small on the way alone."""
    packed = gzip.compress(tokens.jwks_document(SIGNER) + b" " * 50_000_000)
    async with serving(web.Response(body=packed, headers={"Content-Encoding": "gzip"})) as url:
        with pytest.raises(TryLater, match="not a JWKS"):
            await Jwks(url, SetClock()).load()


async def test_start_without_a_jwks() -> None:
    """A service whose issuer never answers gives up after the timeout, and says where it looked."""
    settings = AuthSettings(jwks="http://127.0.0.1:9/jwks", jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    with pytest.raises(StopProcess, match=r"gave up waiting for the JWKS at http://127\.0\.0\.1:9/jwks"):
        await open_bearer_tokens(settings, KnownLogins(), clock=SYSTEM_CLOCK, timeout_s=0.2)


async def test_the_age_is_a_metric(tmp_path: Path) -> None:
    """Prometheus reads how long ago the keys were read; of a source that nobody opened there is none."""
    path, clock = tokens.jwks_file(tmp_path, SIGNER), SetClock()
    settings = AuthSettings(jwks=str(path), jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    assert str(path) not in exposition().decode()
    await open_bearer_tokens(settings, KnownLogins(), clock=clock, timeout_s=5)
    clock.seconds += 7
    assert f'keyfold_jwks_age_seconds{{source="{path}"}} 7.0' in exposition().decode()
