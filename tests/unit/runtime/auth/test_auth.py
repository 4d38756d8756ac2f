"""Bearer tokens: whom they name, and every way in which they name nobody."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from keyfold.runtime.auth.caller import Caller, Role, TokenRejected
from keyfold.runtime.authenticator import BearerTokens
from tests.support.runtime import tokens
from tests.support.runtime.tokens import AUDIENCE, SIGNER, Signer, outcome


@pytest.fixture
async def auth(tmp_path: Path) -> BearerTokens:
    """Return an authenticator that trusts these tests' signer."""
    return await tokens.believing(tokens.jwks_file(tmp_path, SIGNER))


@pytest.mark.parametrize("make", [tokens.rs256, tokens.es256, tokens.eddsa])
async def test_each_allowed_algorithm(make: Callable[[], Signer], tmp_path: Path) -> None:
    """A token signed with RS256, ES256 or EdDSA by a key of the JWKS names its caller."""
    signer = make()
    auth = await tokens.believing(tokens.jwks_file(tmp_path, signer))
    assert await outcome(auth, signer.sign()) == Caller(role=Role.OPERATOR, sub="ada")


@pytest.mark.parametrize(
    ("claims", "caller"),
    [
        ({"role": "owner", "account_id": "acc_1"}, Caller(role=Role.OWNER, sub="ada", account_id="acc_1")),
        ({"role": "vendor", "vendor_id": "ven_1"}, Caller(role=Role.VENDOR, sub="ada", vendor_id="ven_1")),
        ({"role": "vendor"}, Caller(role=Role.VENDOR, sub="ada")),
        ({"role": None}, Caller(role=None, sub="ada")),
        ({"role": ["nurse"]}, Caller(role=None, sub="ada")),
        ({"role": "owner"}, Caller(role=None, sub="ada")),
        ({"role": "reviewer", "account_id": "acc_1"}, Caller(role=Role.REVIEWER, sub="ada")),
        ({"role": "gateway", "vendor_id": "ven_1"}, Caller(role=Role.GATEWAY, sub="ada")),
        ({"aud": ["other", AUDIENCE]}, Caller(role=Role.OPERATOR, sub="ada")),
        (
            {"role": ["offline_access", "owner", "owner"], "account_id": ["acc_1"]},
            Caller(role=Role.OWNER, sub="ada", account_id="acc_1"),
        ),
        ({"role": "operator", "account_id": 7, "vendor_id": []}, Caller(role=Role.OPERATOR, sub="ada")),
    ],
)
async def test_callers(auth: BearerTokens, claims: dict[str, object], caller: Caller) -> None:
    """A caller holds the id that belongs to its role, and no other."""
    assert await outcome(auth, SIGNER.sign(claims)) == caller


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        ({"iss": "https://evil.test"}, "the token is from another issuer"),
        ({"iss": None}, "the token lacks the claim iss"),
        ({"aud": "other"}, "the token is for another audience"),
        ({"aud": None}, "the token lacks the claim aud"),
        ({"exp": datetime.now(UTC) - timedelta(minutes=1)}, "the token has expired"),
        ({"exp": None}, "the token lacks the claim exp"),
        ({"exp": "soon"}, "the token is malformed"),
        ({"exp": float("inf")}, "the token is malformed"),
        ({"nbf": datetime.now(UTC) + timedelta(days=1)}, "the token is not valid yet"),
        ({"sub": None}, "the token lacks the claim sub"),
        ({"sub": ""}, "the token's sub is empty or not usable as a name"),
        ({"sub": "a\0b"}, "the token's sub is empty or not usable as a name"),
        ({"sub": "x" * 257}, "the token's sub is empty or not usable as a name"),
        ({"role": "root"}, "the token's role is not one of owner, vendor, reviewer, operator, gateway"),
        ({"role": 7}, "the token's role is not one of owner, vendor, reviewer, operator, gateway"),
        ({"role": ["owner", 7]}, "the token's role is not one of owner, vendor, reviewer, operator, gateway"),
        ({"role": ["owner", "operator"]}, "the token names more than one role: operator, owner"),
        ({"role": "owner", "account_id": 7}, "the token's account_id is not usable as a name"),
        ({"role": "owner", "account_id": ["a", "b"]}, "the token names more than one account_id"),
        ({"role": "vendor", "vendor_id": 7}, "the token's vendor_id is not usable as a name"),
    ],
)
async def test_claims_that_do_not_do(auth: BearerTokens, claims: dict[str, object], detail: str) -> None:
    """A token with a wrong or missing claim is rejected with a detail that says which."""
    assert await outcome(auth, SIGNER.sign(claims)) == TokenRejected(detail=detail)


@pytest.mark.parametrize("expiry", [253_402_300_800, 1.5e300, 1e17, "9" * 30])
async def test_an_expiry_beyond_the_calendar_is_none(auth: BearerTokens, expiry: object) -> None:
    """A token whose expiry is outside of the calendar names its caller, who never expires."""
    caller = await outcome(auth, SIGNER.sign({"exp": expiry}))
    assert isinstance(caller, Caller)
    assert caller.expires_at is None


async def test_a_small_difference_of_clocks_is_forgiven(auth: BearerTokens) -> None:
    """A token that expired two seconds ago is still accepted, as clocks differ."""
    just_past = datetime.now(UTC) - timedelta(seconds=2)
    assert isinstance(await outcome(auth, SIGNER.sign({"exp": just_past})), Caller)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "token"])
async def test_no_token(auth: BearerTokens, header: str | None) -> None:
    """Without a bearer token nobody is named."""
    rejected = await auth.authenticate(header)
    assert rejected == TokenRejected(detail="an Authorization header with a Bearer token is needed")


@pytest.mark.parametrize(
    "token",
    [
        *("x", "a.b.c", "....", "é.é.é", "\udce9", "e30.e30.\udcff"),
        base64.urlsafe_b64encode(b"[" * 6000).decode().rstrip("=") + ".e30.e30",
    ],
    ids=["word", "no-json", "dots", "not-ascii", "not-text", "not-text-at-the-end", "deep"],
)
async def test_garbage(auth: BearerTokens, token: str) -> None:
    """Text that is not a JWT is rejected as malformed, however it is broken."""
    assert await outcome(auth, token) == TokenRejected(detail="the token is malformed")


async def test_alg_none(auth: BearerTokens) -> None:
    """A token that claims to need no signature is rejected."""
    token = jwt.encode(tokens.good_claims(), "", "none", {"kid": SIGNER.kid})
    assert await outcome(auth, token) == TokenRejected(
        detail="the token is not signed with one of ES256, EdDSA, RS256"
    )


@pytest.mark.parametrize("algorithm", [["EdDSA"], {}, 1, None, True])
async def test_alg_of_another_type(auth: BearerTokens, algorithm: object) -> None:
    """A token whose algorithm is not even text is rejected like one with an unknown algorithm."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": SIGNER.kid}).encode()).decode()
    assert await outcome(auth, f"{header.rstrip('=')}.e30.e30") == TokenRejected(
        detail="the token is not signed with one of ES256, EdDSA, RS256"
    )


async def test_symmetric_signature_with_the_public_key(tmp_path: Path) -> None:
    """A token that is HMAC-signed with the public key's text is rejected: everybody knows that text."""
    signer = tokens.rs256()
    auth = await tokens.believing(tokens.jwks_file(tmp_path, signer))
    token = jwt.encode(tokens.good_claims(), str(signer.jwk()["n"]), "HS256", {"kid": signer.kid})
    assert await outcome(auth, token) == TokenRejected(
        detail="the token is not signed with one of ES256, EdDSA, RS256"
    )


async def test_another_algorithm_than_the_keys(auth: BearerTokens) -> None:
    """A token may not choose an algorithm that its key is not for."""
    token = tokens.es256().sign(kid=SIGNER.kid)
    assert await outcome(auth, token) == TokenRejected(detail="the token's signature does not match")


async def test_bad_signature(auth: BearerTokens) -> None:
    """A token signed by another key under a known kid is rejected."""
    assert await outcome(auth, tokens.eddsa(SIGNER.kid).sign()) == TokenRejected(
        detail="the token's signature does not match"
    )


async def test_tampered_claims(auth: BearerTokens) -> None:
    """Claims that were changed after signing are rejected."""
    head, _, signature = SIGNER.sign().split(".")
    forged = base64.urlsafe_b64encode(b'{"role":"operator"}').decode().rstrip("=")
    assert await outcome(auth, f"{head}.{forged}.{signature}") == TokenRejected(
        detail="the token's signature does not match"
    )


async def test_no_kid(auth: BearerTokens) -> None:
    """A token that does not say which key signed it is rejected without trying any."""
    token = jwt.encode(tokens.good_claims(), SIGNER.private, "EdDSA")
    assert await outcome(auth, token) == TokenRejected(detail="the token names no key (kid)")


async def test_rejections_repeat_nothing_of_the_token(auth: BearerTokens) -> None:
    """A rejection never quotes the token or its claims."""
    rejected = await outcome(auth, SIGNER.sign({"iss": "hunter2", "sub": "hunter2", "role": "hunter2"}))
    assert isinstance(rejected, TokenRejected)
    assert "hunter2" not in rejected.detail
