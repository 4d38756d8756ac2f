"""A login's binding says what its token leaves open about its bearer, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from keyfold.runtime.auth.caller import Binding, Caller, Role, TokenRejected
from keyfold.runtime.authenticator import BearerTokens
from keyfold.runtime.failure import TryLater
from tests.support.runtime import tokens
from tests.support.runtime.tokens import KnownLogins

SIGNER = tokens.eddsa()
OWNER = Caller(role=Role.OWNER, sub="ada", account_id="acc_1")
VENDOR = Caller(role=Role.VENDOR, sub="ada", vendor_id="ven_1")
NO_ROLE = Caller(role=None, sub="ada")
TO_ACCOUNT, TO_VENDOR, ENDED = Binding(account_id="acc_1"), Binding(vendor_id="ven_1"), Binding()
CONTRADICTION = TokenRejected(
    detail="the token says another role, account or vendor than its login is bound to"
)


@pytest.fixture
def logins() -> KnownLogins:
    """The known bindings."""
    return KnownLogins()


@pytest.fixture
async def auth(tmp_path: Path, logins: KnownLogins) -> BearerTokens:
    """Return an authenticator that trusts these tests' signer."""
    return await tokens.believing(tokens.jwks_file(tmp_path, SIGNER), bindings=logins)


async def named(auth: BearerTokens, **claims: object) -> Caller | TokenRejected:
    """Return whom a token with these claims names."""
    return await auth.authenticate(f"Bearer {SIGNER.sign({'role': None, **claims})}")


@pytest.mark.parametrize(
    ("claims", "binding", "outcome"),
    [
        ({}, TO_ACCOUNT, OWNER),
        ({}, TO_VENDOR, VENDOR),
        ({}, ENDED, NO_ROLE),
        ({}, None, NO_ROLE),
        ({"role": "owner"}, TO_ACCOUNT, OWNER),
        ({"role": "owner"}, TO_VENDOR, CONTRADICTION),
        ({"role": "owner"}, ENDED, NO_ROLE),
        ({"role": "vendor"}, TO_VENDOR, VENDOR),
        ({"role": "vendor"}, TO_ACCOUNT, CONTRADICTION),
        ({"role": "vendor"}, None, Caller(role=Role.VENDOR, sub="ada")),
        ({"role": "vendor"}, ENDED, NO_ROLE),
        ({"account_id": "acc_1"}, TO_ACCOUNT, OWNER),
        ({"account_id": "acc_1"}, None, NO_ROLE),
        ({"account_id": "acc_2"}, TO_ACCOUNT, CONTRADICTION),
        ({"account_id": "acc_1"}, TO_VENDOR, CONTRADICTION),
    ],
)
async def test_what_a_binding_makes_of_a_login(
    auth: BearerTokens,
    logins: KnownLogins,
    claims: dict[str, object],
    binding: Binding | None,
    outcome: Caller | TokenRejected,
) -> None:
    """A binding adds what the token leaves open; if the two contradict each other, nobody is named."""
    if binding is not None:
        logins.bound["ada"] = binding
    found = await named(auth, **claims)
    assert found == outcome
    if isinstance(found, Caller):
        assert found.issuer == tokens.ISSUER
        assert found.is_bound == (binding in (TO_ACCOUNT, TO_VENDOR))
        assert found.expires_at is not None


@pytest.mark.parametrize(
    "claims",
    [
        {"role": "operator"},
        {"role": "reviewer"},
        {"role": "gateway"},
        {"role": "owner", "account_id": "acc_2"},
        {"role": "vendor", "vendor_id": "ven_2"},
        {"role": "root"},
    ],
)
async def test_a_token_that_leaves_nothing_open_asks_nobody(
    auth: BearerTokens, logins: KnownLogins, claims: dict[str, object]
) -> None:
    """A complete token's claims win, whatever its login is bound to, and the database is not asked."""
    logins.bound["ada"] = TO_ACCOUNT
    found = await named(auth, **claims)
    assert not isinstance(found, Caller) or (found.role, found.is_bound) == (claims["role"], False)
    assert logins.asked == []


async def test_nobody_is_guessed(auth: BearerTokens, logins: KnownLogins) -> None:
    """If a needed binding cannot be looked up, the caller is told to try later, and is never guessed."""
    logins.is_away = True
    for claims in ({}, {"role": "owner"}, {"role": "vendor"}):
        with pytest.raises(TryLater):
            await named(auth, **claims)
    assert await named(auth, role="operator") == Caller(role=Role.OPERATOR, sub="ada")
