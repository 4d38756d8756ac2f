"""Tokens that name nobody, sent to every service that takes tokens."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import aiohttp
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from keyfold.local.signing import AUDIENCE, ISSUER, KEY_ID
from tests.support.runtime import tokens
from tests.support.runtime.tokens import Signer
from tests.support.stack.running import RunningStack
from tests.support.stack.world import Practice

Claims = dict[str, object]
CALLS = {"registry": "{path}/keys", "gatekeeper": "/v1/position", "audit": "{path}/activity"}


@pytest.fixture(scope="module")
def issuer(stack: RunningStack) -> Signer:
    """The stack's own signing key."""
    key = load_pem_private_key((stack.state_dir / "signing-key.pem").read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return Signer(kid=KEY_ID, algorithm="EdDSA", private=key)


@pytest.fixture
def claims(practice: Practice) -> Claims:
    """Return what a valid token says about the practice's owner."""
    tenant = {"role": "owner", "account_id": practice.account_id}
    return {**tokens.good_claims(), "iss": ISSUER, "aud": AUDIENCE, **tenant}


def _in(minutes: float) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _json(claims: Claims) -> bytes:
    return orjson.dumps({**claims, "exp": int(_in(5).timestamp())})


def _unsigned(claims: Claims, alg: str) -> str:
    header = {"alg": alg, "kid": KEY_ID, "typ": "JWT"}
    return f"{_part(orjson.dumps(header))}.{_part(_json(claims))}."


def _hmac_signed(claims: Claims, secret: bytes) -> str:
    signed = _unsigned(claims, "HS256").removesuffix(".")
    return f"{signed}.{_part(hmac.digest(secret, signed.encode(), sha256))}"


def _public(signer: Signer, encoding: Encoding, form: PublicFormat) -> bytes:
    return signer.private.public_key().public_bytes(encoding, form)


PEM = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
RAW = (Encoding.Raw, PublicFormat.Raw)
ALGORITHMS = "the token is not signed with one of ES256, EdDSA, RS256"
MISMATCH = "the token's signature does not match"
NOT_FOR_ACCESS = "the token is not an access token"
NO_SUCH_KEY = "the token's kid names no key of the issuer"
BAD: dict[str, tuple[Callable[[Signer, Claims], str], str]] = {
    "HS256 with the public key": (lambda key, claims: _hmac_signed(claims, _public(key, *PEM)), ALGORITHMS),
    "HS256 with its raw bytes": (lambda key, claims: _hmac_signed(claims, _public(key, *RAW)), ALGORITHMS),
    "alg none": (lambda _key, claims: _unsigned(claims, "none"), ALGORITHMS),
    "alg nOnE": (lambda _key, claims: _unsigned(claims, "nOnE"), ALGORITHMS),
    "no signature": (lambda _key, claims: _unsigned(claims, "EdDSA"), MISMATCH),
    "another issuer": (
        lambda key, claims: key.sign({**claims, "iss": "https://evil.test"}),
        "the token is from another issuer",
    ),
    "another audience": (
        lambda key, claims: key.sign({**claims, "aud": "elsewhere"}),
        "the token is for another audience",
    ),
    "expired": (lambda key, claims: key.sign({**claims, "exp": _in(-1)}), "the token has expired"),
    "not yet valid": (lambda key, claims: key.sign({**claims, "nbf": _in(2)}), "the token is not valid yet"),
    "unknown kid": (lambda _key, claims: tokens.eddsa("unknown").sign(claims), NO_SUCH_KEY),
    "kid as a path": (lambda key, claims: key.sign(claims, kid="../../etc/passwd"), NO_SUCH_KEY),
    "somebody else's key": (lambda _key, claims: tokens.eddsa(KEY_ID).sign(claims), MISMATCH),
    "another kind of key": (lambda _key, claims: tokens.rs256(KEY_ID).sign(claims), MISMATCH),
    "no kid": (
        lambda key, claims: jwt.encode(claims, key.private, "EdDSA"),
        "the token names no key (kid)",
    ),
    "an ID token": (lambda key, claims: key.sign({**claims, "nonce": "n", "at_hash": "h"}), NOT_FOR_ACCESS),
    "a refresh token": (lambda key, claims: key.sign({**claims, "typ": "Refresh"}), NOT_FOR_ACCESS),
    "a logout token": (
        lambda key, claims: key.sign(claims, typ="logout+jwt"),
        "the token's type (typ) is not one that is accepted here",
    ),
    "bound to a key of its holder": (
        lambda key, claims: key.sign({**claims, "cnf": {"jkt": "x"}}, typ="at+jwt"),
        "the token is bound to a key of its holder (cnf), which is not supported",
    ),
    "a critical extension": (lambda key, claims: key.sign(claims, crit=["b64"]), "the token is malformed"),
    "malformed": (lambda _key, _claims: "not.a.token", "the token is malformed"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("service", CALLS)
async def test_a_token_that_names_nobody(
    stack: RunningStack, practice: Practice, issuer: Signer, claims: Claims, service: str, name: str
) -> None:
    """It is a 401 that says why and repeats nothing of the token; a valid one passes before and after."""
    make, detail = BAD[name]
    url = stack.url(service) + CALLS[service].format(path=practice.path)
    good, bad = issuer.sign(claims), make(issuer, claims)
    async with aiohttp.ClientSession() as session:
        for token, expected in ((good, 200), (bad, 401), (good, 200)):
            async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
                assert answer.status == expected
                text = await answer.text()
                if expected == 401:
                    assert orjson.loads(text)["detail"] == detail
                    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
                    assert token not in text


@pytest.mark.parametrize("service", CALLS)
async def test_two_tokens_are_none(
    stack: RunningStack, practice: Practice, issuer: Signer, claims: Claims, service: str
) -> None:
    """A request with two valid Authorization headers is refused: which one counts would be a guess."""
    url = stack.url(service) + CALLS[service].format(path=practice.path)
    header = ("Authorization", f"Bearer {issuer.sign(claims)}")
    async with aiohttp.ClientSession() as session, session.get(url, headers=[header, header]) as answer:
        assert answer.status == 401
