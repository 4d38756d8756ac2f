"""A setting says from which claims a token's role and ids are read, and what their values mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyfold.runtime.auth.caller import Claimed, Role, TokenRejected
from keyfold.runtime.auth.claims import PLAIN_CLAIMS, ClaimMapping, check_place

KEYCLOAK = ClaimMapping(
    role="/realm_access/roles",
    account="practice",
    vendor="vendor",
    roles={"practice-admin": Role.OWNER, "practice-owner": Role.OWNER, "integrator": Role.VENDOR},
)
AUTH0 = ClaimMapping(
    role="https://practice.example/role",
    account="https://practice.example/account",
    vendor="https://practice.example/vendor",
    roles={"admin": Role.OWNER, "gateway": Role.GATEWAY},
)


@pytest.mark.parametrize(
    ("mapping", "claims", "claimed"),
    [
        (
            KEYCLOAK,
            {"realm_access": {"roles": ["offline_access", "practice-admin"]}, "practice": "acc_1"},
            Claimed(role=Role.OWNER, account_id="acc_1"),
        ),
        (
            KEYCLOAK,
            {"realm_access": {"roles": ["practice-owner", "practice-admin"]}, "practice": "acc_1"},
            Claimed(role=Role.OWNER, account_id="acc_1"),
        ),
        (
            KEYCLOAK,
            {"realm_access": {"roles": ["integrator"]}, "practice": "acc_1", "vendor": "ven_1"},
            Claimed(role=Role.VENDOR, vendor_id="ven_1"),
        ),
        # What our roles are called means nothing where other names stand for them.
        (KEYCLOAK, {"realm_access": {"roles": ["operator", "owner"]}}, Claimed(role=None)),
        (KEYCLOAK, {"realm_access": {"roles": []}, "role": "owner"}, Claimed(role=None)),
        (KEYCLOAK, {"realm_access": "practice-admin"}, Claimed(role=None)),
        (KEYCLOAK, {"realm_access.roles": ["practice-admin"]}, Claimed(role=None)),
        (
            AUTH0,
            {"https://practice.example/role": "admin", "https://practice.example/account": "acc_1"},
            Claimed(role=Role.OWNER, account_id="acc_1"),
        ),
        (AUTH0, {"https://practice.example/role": ["gateway"]}, Claimed(role=Role.GATEWAY)),
        (replace(AUTH0, role="a.b"), {"a.b": "admin", "a": {"b": "gateway"}}, Claimed(role=Role.OWNER)),
        (replace(AUTH0, role="/a~1b/~0"), {"a/b": {"~": "admin"}}, Claimed(role=Role.OWNER)),
        (PLAIN_CLAIMS, {"sub": "ada"}, Claimed(role=None)),
        (PLAIN_CLAIMS, {"account_id": "acc_1"}, Claimed(role=None, account_id="acc_1")),
    ],
)
def test_what_is_claimed(mapping: ClaimMapping, claims: dict[str, object], claimed: Claimed) -> None:
    """A role and its id are read from the claims that the setting names, a text or a list, and no others."""
    assert mapping.read(claims) == claimed


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        (
            {"realm_access": {"roles": ["practice-admin", "integrator"]}},
            "the token names more than one role: owner, vendor",
        ),
        ({"realm_access": {"roles": "operator"}}, "the token's role is not one of owner, vendor"),
        ({"realm_access": {"roles": {"x": 1}}}, "the token's role is not one of owner, vendor"),
        ({"practice": ["acc_1", "acc_2"]}, "the token names more than one account_id"),
        ({"vendor": ""}, "the token's vendor_id is not usable as a name"),
        ({"vendor": ["ven_1\0"]}, "the token's vendor_id is not usable as a name"),
    ],
)
def test_what_cannot_be_relied_upon(claims: dict[str, object], detail: str) -> None:
    """Contradicting roles, contradicting ids, and ids that cannot be names make a token that names nobody."""
    assert KEYCLOAK.read(claims) == TokenRejected(detail=detail)


@pytest.mark.parametrize(
    "place", ["role", "https://a.example/role", "realm_access.roles", "a~b", "/", "/a/~01"]
)
def test_a_place(place: str) -> None:
    """A claim's place is any name, or a JSON pointer."""
    assert check_place(place) == place
