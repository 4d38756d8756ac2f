"""Which tokens are access tokens: each claim, algorithm and refusal that docs/tokens.md names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import jwt
import orjson
import pytest

import keyfold.runtime.auth.access_tokens as checks
from keyfold.runtime import authenticator
from keyfold.runtime.auth import claims as claim_reading
from keyfold.runtime.auth.access_tokens import REQUIRED_CLAIMS, TOKEN_TYPES
from keyfold.runtime.auth.caller import Binding, Caller, Role, TokenRejected
from keyfold.runtime.auth.jwks import ALGORITHM_OF
from keyfold.runtime.authenticator import BearerTokens
from tests.support.runtime import tokens
from tests.support.runtime.tokens import SIGNER, KnownLogins, outcome

GUIDE: Final = Path(__file__).parents[4] / "docs" / "tokens.md"
ENCRYPTING: Final = tokens.es256("enc")
LATER: Final = datetime.now(UTC) + timedelta(hours=10)


def _rows(heading: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the first table below a heading."""
    section = GUIDE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for line in section.split("\n|---")[1].splitlines()[1:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def _unsigned(**header: object) -> str:
    return jwt.encode(tokens.good_claims(), "", "none", {"kid": SIGNER.kid, **header})


REFUSED: Final[Mapping[str, Callable[[], str]]] = {
    "no token, or another scheme": lambda: "",
    "text that is no JWT": lambda: "not.a.token",
    "a header that demands an extension (`crit`)": lambda: SIGNER.sign(crit=["exp"], exp=1),
    "a claim of another type, such as an `exp` that is a word": lambda: SIGNER.sign({"exp": "soon"}),
    "`none`, HMAC, or an algorithm that is not in the table": _unsigned,
    "a logout token, a security event, or any other type": lambda: SIGNER.sign(typ="logout+jwt"),
    "no `kid`": lambda: jwt.encode(tokens.good_claims(), SIGNER.private, "EdDSA"),
    "a key that the JWKS does not have, or has no more": lambda: tokens.eddsa("unknown").sign(),
    "a key that the JWKS has for encryption": ENCRYPTING.sign,
    "another key's signature, changed claims, another algorithm than the key's": tokens.eddsa(
        SIGNER.kid
    ).sign,
    "expired": lambda: SIGNER.sign({"exp": datetime.now(UTC) - timedelta(minutes=1)}),
    "`nbf` or `iat` in the future": lambda: SIGNER.sign({"iat": LATER}),
    "another issuer": lambda: SIGNER.sign({"iss": tokens.ISSUER + "/"}),
    "another audience": lambda: SIGNER.sign({"aud": [tokens.AUDIENCE + "-console"]}),
    **{f"no `{name}`": lambda name=name: SIGNER.sign({name: None}) for name in REQUIRED_CLAIMS},  # type: ignore[misc]
    "an ID token, by its marks": lambda: SIGNER.sign({"nonce": "n-0S6_WzA2Mj", "at_hash": "77QmUPtjPfzW"}),
    "an ID token or a refresh token, by its own word": lambda: SIGNER.sign({"typ": "ID"}),
    "a token that is bound to its holder's key": lambda: SIGNER.sign({"cnf": {"jkt": "0ZcOCORZNYy"}}),
    "a `sub` that is empty, too long, or has invisible characters": lambda: SIGNER.sign({"sub": ""}),
    "a role that is none": lambda: SIGNER.sign({"role": "root"}),
    "two roles": lambda: SIGNER.sign({"role": ["owner", "operator"]}),
    "two accounts": lambda: SIGNER.sign({"role": "owner", "account_id": ["a", "b"]}),
    "an id that is no text": lambda: SIGNER.sign({"role": "vendor", "vendor_id": 7}),
    "a role that contradicts what its login is bound to": lambda: SIGNER.sign(
        {"role": "owner", "sub": "vera"}
    ),
}


async def believing(folder: Path, **more: object) -> BearerTokens:
    """Return an authenticator that trusts these tests' signer, and knows a key for encryption too."""
    path = folder / "jwks.json"
    path.write_bytes(orjson.dumps({"keys": [SIGNER.jwk(), ENCRYPTING.jwk(use="enc")]}))
    logins = KnownLogins(bound={"vera": Binding(vendor_id="ven_1")})
    return await tokens.believing(path, bindings=logins, **more)  # type: ignore[arg-type]


def test_the_guide_names_each_refusal() -> None:
    """Each text that refuses a token stands in the guide, and each row of it is tried below."""
    rows = list(_rows("What is refused"))
    assert [what for what, _ in rows] == list(REFUSED)
    sources = (checks, authenticator, claim_reading)
    texts = {
        text.split("{")[0]
        for module in sources
        for text in re.findall(r'"(the token\b[^"]*)"', Path(str(module.__file__)).read_text())
    }
    assert [each for each in texts if not any(detail.startswith(each) for _, detail in rows)] == []


@pytest.mark.parametrize(("what", "detail"), list(_rows("What is refused")))
async def test_what_the_guide_says_is_refused(tmp_path: Path, what: str, detail: str) -> None:
    """Such a token names nobody, in the words of the guide."""
    assert await outcome(await believing(tmp_path), REFUSED[what]()) == TokenRejected(detail=detail)


def test_the_guide_has_the_algorithms() -> None:
    """Its table is the code's: each algorithm with the one kind of key that it is for."""
    documented = {
        tuple(re.findall(r"`([^`]+)`", kind)): algorithm.strip("`")
        for algorithm, kind, _ in _rows("Algorithms")
    }
    assert documented == {tuple(each for each in kind if each): name for kind, name in ALGORITHM_OF.items()}


def test_the_guide_has_the_required_claims() -> None:
    """What it calls required is what is."""
    required = [
        name for part, name, how in _rows("What a token holds") if "required" in how and part == "claims"
    ]
    assert [name.strip("`") for name in required] == list(REQUIRED_CLAIMS)


PASSES: Final[Mapping[str, Callable[[], str]]] = {
    "typed": lambda: SIGNER.sign(typ="at+jwt"),
    "typed by its whole name": lambda: SIGNER.sign(typ="application/AT+JWT"),
    "plain": lambda: SIGNER.sign(typ="JWT"),
    "without a type": lambda: SIGNER.sign(typ=None),
    "Keycloak's": lambda: SIGNER.sign({"typ": "Bearer", "nonce": "n", "azp": "keyfold-console"}),
    "Cognito's": lambda: SIGNER.sign({"token_use": "access"}),
    "a typed one with what others have": lambda: SIGNER.sign(
        {"nonce": "n", "auth_time": 1, "client_id": "c", "jti": "j", "scope": "openid"}, typ="at+jwt"
    ),
    "with keys of its own": lambda: SIGNER.sign(
        jku="https://evil.test/jwks", jwk=tokens.eddsa().jwk(), x5u="https://evil.test"
    ),
}


@pytest.mark.parametrize("name", PASSES)
async def test_what_passes(tmp_path: Path, name: str) -> None:
    """An access token of any common provider names its bearer; what it says of keys is not read."""
    caller = await outcome(await believing(tmp_path), PASSES[name]())
    assert caller == Caller(role=Role.OPERATOR, sub="ada")


@pytest.mark.parametrize(
    "claims",
    [
        *({mark: "x"} for mark in ("nonce", "at_hash", "c_hash", "s_hash")),
        *({"typ": typ} for typ in ("ID", "Refresh", "Offline", "Logout", "DPoP", "7", "")),
        *({"token_use": use} for use in ("id", "", "access token")),
        {"typ": 7},
        {"typ": None},
        {"token_use": ["access"]},
        {"typ": "Bearer", "token_use": "id"},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        {"typ": "Bearer", "events": {}},
    ],
)
async def test_what_is_no_access_token(tmp_path: Path, claims: dict[str, object]) -> None:
    """Every mark of an ID, refresh or logout token counts in a token that does not say what it is."""
    said = {**tokens.good_claims(), **claims}
    token = jwt.encode(said, SIGNER.private, "EdDSA", {"kid": SIGNER.kid})
    rejected = TokenRejected(detail="the token is not an access token")
    assert await outcome(await believing(tmp_path), token) == rejected


@pytest.mark.parametrize("typ", ["JWT", None, "at+jwt", "application/at+jwt"])
async def test_the_strict_setting(tmp_path: Path, typ: str | None) -> None:
    """Where only typed tokens are accepted, no other one is, and nothing else changes."""
    auth = await believing(tmp_path, types=("at+jwt",))
    caller = await outcome(auth, SIGNER.sign(typ=typ))
    assert isinstance(caller, Caller) == (typ in ("at+jwt", "application/at+jwt"))


@pytest.mark.parametrize(
    "typ", ["at+jwt ", "jwt\0", "application/application/at+jwt", "id", 7, {"a": 1}, ["at+jwt"]]
)
async def test_a_type_of_another_form(tmp_path: Path, typ: object) -> None:
    """A type that is not even text, or only nearly one, is another type."""
    auth = await believing(tmp_path)
    assert await outcome(auth, SIGNER.sign(typ=typ)) == TokenRejected(detail=checks.OTHER_TYPE)


def test_the_types_are_what_a_setting_takes() -> None:
    """The guide's default is the code's."""
    (default,) = (cells[1] for cells in _settings() if cells[0] == "`KEYFOLD_JWT_TYPES`")
    assert default == f"`{','.join(TOKEN_TYPES)}`"


def _settings() -> Iterator[list[str]]:
    for line in GUIDE.read_text().splitlines():
        if line.startswith("| `KEYFOLD_"):
            yield [cell.strip() for cell in line.strip("|").split("|")]
