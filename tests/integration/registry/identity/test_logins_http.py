"""Logins: what they are bound to holds at once and everywhere, and no longer once it was ended."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from keyfold.runtime.auth.caller import Binding, Role
from keyfold.runtime.auth.claims import ClaimMapping
from keyfold.store.ledger.logins import LoginBindings
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.errors import DatabaseAway
from tests.support.registry.door import (
    APPLICATION,
    OPERATOR,
    REVIEWER,
    Claims,
    Door,
    nobody,
    open_door,
    owner,
    vendor,
)
from tests.support.runtime.tokens import ISSUER
from tests.support.store.logins import pool_of


async def logins(door: Door, who: Claims, path: str) -> list[str]:
    """Return the subjects of a list of logins."""
    return [each["subject"] for each in (await door.done(who, "GET", f"{path}/logins"))["items"]]


async def test_ended_at_once(door: Door) -> None:
    """A login that was shut out is nobody with its next request, and can be let in again."""
    account_id = await door.account()
    path, ann = f"/v1/accounts/{account_id}", nobody("ann")
    login_id = await door.let_in("ann", account_id=account_id)
    assert await logins(door, ann, path) == ["ann"]
    for _ in range(2):
        ended = await door.ask(OPERATOR, "DELETE", f"{path}/logins/{login_id}")
        assert (ended.status, ended.body["subject"]) == (200, None)
        assert ended.body["ended_at"] is not None
    assert (await door.caller(ann))["role"] is None
    refused = await door.ask(ann, "GET", path)
    assert (refused.status, refused.slug) == (403, "login-not-bound")
    assert (await door.events()).count("login.ended") == 1
    assert await logins(door, OPERATOR, path) == []
    await door.let_in("ann", account_id=account_id)
    assert (await door.caller(ann))["account_id"] == account_id


async def test_an_invitation_that_was_used_lets_nobody_in_again(door: Door) -> None:
    """Not even the login that it had bound, once that was ended."""
    account_id = await door.account()
    code = (await door.invited(account_id=account_id))["code"]
    login_id = (await door.accept(nobody("ann"), code)).body["login_id"]
    await door.done(OPERATOR, "DELETE", f"/v1/accounts/{account_id}/logins/{login_id}")
    refused = await door.accept(nobody("ann"), code)
    assert (refused.status, refused.slug) == (409, "invitation-used")


async def test_a_login_speaks_for_one_thing(door: Door) -> None:
    """While it is bound no other invitation binds it, and that stays open for somebody else."""
    one, other = await door.account(), await door.account()
    await door.let_in("ann", account_id=one)
    code = (await door.invited(account_id=other))["code"]
    refused = await door.accept(nobody("ann"), code)
    assert (refused.status, refused.slug) == (409, "login-bound")
    assert (await door.accept(nobody("bob"), code)).status == 200


async def test_the_last_one(door: Door) -> None:
    """Nobody shuts out the last login of an account but an operator, or an owner who needs none."""
    account_id = await door.account()
    path = f"/v1/accounts/{account_id}/logins"
    ann = await door.let_in("ann", account_id=account_id)
    refused = await door.ask(nobody("ann"), "DELETE", f"{path}/{ann}")
    assert (refused.status, refused.slug) == (409, "last-login")
    bob = await door.let_in("bob", account_id=account_id)
    assert await logins(door, nobody("ann"), f"/v1/accounts/{account_id}") == ["bob", "ann"]
    assert (await door.ask(nobody("bob"), "DELETE", f"{path}/{ann}", If_Match='"2"')).status == 412
    assert (await door.ask(nobody("bob"), "DELETE", f"{path}/{ann}", If_Match='"1"')).status == 200
    assert (await door.ask(nobody("bob"), "DELETE", f"{path}/{bob}")).slug == "last-login"
    assert (await door.ask(owner(account_id), "DELETE", f"{path}/{bob}")).status == 200


async def test_two_who_shut_each_other_out(door: Door) -> None:
    """At the same moment, as often as you like: one of them is left, every time."""
    for _ in range(5):
        account_id = await door.account()
        subs = [f"ann of {account_id}", f"bob of {account_id}"]
        ids = [await door.let_in(sub, account_id=account_id) for sub in subs]
        path = f"/v1/accounts/{account_id}/logins"
        answers = await asyncio.gather(
            door.ask(nobody(subs[0]), "DELETE", f"{path}/{ids[1]}"),
            door.ask(nobody(subs[1]), "DELETE", f"{path}/{ids[0]}"),
            door.ask(nobody(subs[0]), "DELETE", f"{path}/{ids[0]}"),
        )
        assert len(await logins(door, OPERATOR, f"/v1/accounts/{account_id}")) >= 1, answers


async def test_of_others(door: Door) -> None:
    """Another tenant's logins are not there, neither to be seen nor to be ended, nor by another's path."""
    one, other = await door.account(), await door.account()
    ann, bob = await door.let_in("ann", account_id=one), await door.let_in("bob", account_id=other)
    paths = [f"/v1/accounts/{one}/logins", f"/v1/accounts/{other}/logins"]
    for method, path in (
        ("GET", paths[1]),
        ("DELETE", f"{paths[1]}/{bob}"),
        ("DELETE", f"{paths[0]}/{bob}"),
        ("DELETE", f"{paths[0]}/log_0000000000000000000000"),
        ("DELETE", f"{paths[0]}/x"),
    ):
        refused = await door.ask(nobody("ann"), method, path)
        assert (refused.status, refused.slug) == (404, "not-found"), path
    assert (await door.ask(OPERATOR, "DELETE", f"{paths[1]}/{ann}")).status == 404
    assert (await door.ask(REVIEWER, "GET", paths[0])).status == 403


@pytest.mark.parametrize("service", ["registry", "gatekeeper", "audit"])
async def test_every_service_believes_it(door: Door, service: str) -> None:
    """With the rights of each service that takes tokens: at once when bound, no longer when ended."""
    account_id = await door.account()
    async with pool_of(door.database, service) as pool:
        bindings = LoginBindings(pool)
        assert await bindings.find(ISSUER, "ann") is None
        login_id = await door.let_in("ann", account_id=account_id)
        assert await bindings.find(ISSUER, "ann") == Binding(account_id=account_id)
        assert await bindings.find("https://elsewhere.test", "ann") is None
        await door.done(OPERATOR, "DELETE", f"/v1/accounts/{account_id}/logins/{login_id}")
        ended = await bindings.find(ISSUER, "ann")
        assert ended is not None
        assert ended.role is None


async def test_a_database_that_is_away() -> None:
    """What a login is bound to cannot be told then, and is not guessed; nothing connects before it must."""
    dsn = "postgresql://keyfold@127.0.0.1:9/keyfold"
    async with open_pool(dsn, application_name="test", connect_now=False) as pool:
        with pytest.raises(DatabaseAway):
            await LoginBindings(pool).find(ISSUER, "ann")


async def test_a_vendor_that_applies(door: Door) -> None:
    """Its login speaks for the vendor from then on, by a token that names none; also if it applies twice."""
    vera = vendor("vera")
    applied = await door.ask(vera, "POST", "/v1/vendors", APPLICATION, Idempotency_Key="k")
    again = await door.ask(vera, "POST", "/v1/vendors", APPLICATION, Idempotency_Key="k")
    assert (again.body, again.headers["Idempotency-Replayed"]) == (applied.body, "true")
    vendor_id = applied.body["vendor_id"]
    assert (await door.caller(vera))["vendor_id"] == vendor_id
    path = f"/v1/vendors/{vendor_id}"
    for below in ("", "/keys", "/history", "/logins"):
        assert (await door.ask(vera, "GET", f"{path}{below}")).status == 200
    assert (await door.ask(vera, "POST", "/v1/vendors", APPLICATION)).slug == "vendor-exists"
    assert await logins(door, REVIEWER, path) == ["vera"]
    assert (await door.ask(vendor("otis"), "GET", f"{path}/keys")).status == 404
    summaries = [each["summary"] for each in (await door.done(vera, "GET", f"{path}/history"))["items"]]
    assert summaries == ["Login let in", "Application made"]


async def test_a_vendor_that_was_rejected_applies_for_another(door: Door) -> None:
    """As before it may, and speaks for that one from then on."""
    vera = vendor("vera")
    first = (await door.done(vera, "POST", "/v1/vendors", APPLICATION))["vendor_id"]
    await door.done(REVIEWER, "POST", f"/v1/vendors/{first}/reject", {"reason": "no"})
    assert (await door.ask(vera, "GET", f"/v1/vendors/{first}")).body["state"] == "rejected"
    second = (await door.done(vera, "POST", "/v1/vendors", APPLICATION))["vendor_id"]
    assert (await door.caller(vera))["vendor_id"] == second
    assert await logins(door, OPERATOR, f"/v1/vendors/{first}") == []
    assert (await door.events())[-3:] == ["login.ended", "vendor.applied", "login.bound"]


async def test_a_vendors_login_that_was_ended(door: Door) -> None:
    """It reads and amends the application no more, though it is the one that applied."""
    vera, rob = vendor("vera"), nobody("rob")
    vendor_id = (await door.done(vera, "POST", "/v1/vendors", APPLICATION))["vendor_id"]
    await door.let_in("rob", vendor_id=vendor_id)
    path = f"/v1/vendors/{vendor_id}"
    assert await logins(door, rob, path) == ["rob", "vera"]
    login = (await door.done(rob, "GET", f"{path}/logins"))["items"][1]
    assert (await door.ask(rob, "DELETE", f"{path}/logins/{login['login_id']}")).status == 200
    for method, target in (
        ("GET", path),
        ("PATCH", path),
        ("GET", f"{path}/history"),
        ("GET", "/v1/vendors"),
    ):
        refused = await door.ask(vera, method, target, {} if method == "PATCH" else None)
        assert (refused.status, refused.slug) == (403, "login-not-bound"), target


async def test_claims_that_contradict(door: Door) -> None:
    """A token that says something else than its login is bound to names nobody."""
    account_id = await door.account()
    await door.let_in("ann", account_id=account_id)
    for claims in (vendor("ann"), {**nobody("ann"), "account_id": "acc_000000000000"}):
        refused = await door.ask(claims, "GET", "/v1/caller")
        assert (refused.status, refused.slug) == (401, "unauthorized")
    assert (await door.caller({**nobody("ann"), "account_id": account_id}))["role"] == "owner"
    assert (await door.caller({"role": "operator", "sub": "ann"}))["role"] == "operator"


KEYCLOAK = ClaimMapping(
    role="/realm_access/roles", account="practice", vendor="vendor", roles={"practice-admin": Role.OWNER}
)


async def test_claims_of_another_shape(database: str, tmp_path: Path) -> None:
    """A token of Keycloak's shape is somebody by the setting, and an ordinary one nobody any more."""
    async with open_door(database, tmp_path, KEYCLOAK) as door:

        def token(*roles: str, **more: Any) -> Claims:
            return {"role": None, "realm_access": {"roles": ["offline_access", *roles]}, **more}

        mine = await door.caller(token("practice-admin", practice="acc_1"))
        assert (mine["role"], mine["account_id"]) == ("owner", "acc_1")
        for other in (token("operator"), owner("acc_1"), OPERATOR):
            assert (await door.caller(other))["role"] is None
        assert (await door.ask(token("operator"), "GET", "/v1/ledger")).status == 403
