"""Invitations: whoever has the code binds a login, once; and what is known of that, by whom."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from keyfold.wire.keys.invitation_code import mint_code, read_code
from tests.support.registry.door import (
    APPLICATION,
    OPERATOR,
    REVIEWER,
    Claims,
    Door,
    nobody,
    owner,
    vendor,
)

NO_CODE = "kfi_live_" + "0" * 61


async def look(door: Door, who: Claims, code: str) -> Any:
    """Look at an invitation by its code."""
    return await door.done(who, "POST", "/v1/invitations/look", {"code": code})


async def test_an_owner_is_let_in(door: Door) -> None:
    """An operator invites, a login accepts, and from that moment on it is the account's owner."""
    account_id = await door.account("Main Street Dental")
    made = await door.invited(account_id=account_id)
    invitation, code = made["invitation"], made["code"]
    assert (invitation["state"], invitation["role"], invitation["account_id"]) == (
        "open",
        "owner",
        account_id,
    )
    ends, began = (datetime.fromisoformat(invitation[each]) for each in ("expires_at", "made_at"))
    assert ends - began == timedelta(days=7)
    nora = nobody("nora")
    assert (await door.caller(nora))["role"] is None
    assert await look(door, nora, code) == {
        "role": "owner",
        "account_id": account_id,
        "vendor_id": None,
        "name": "Main Street Dental",
        "state": "open",
        "expires_at": invitation["expires_at"],
    }
    accepted = await door.accept(nora, code)
    assert (accepted.status, accepted.body["account_id"], accepted.body["subject"]) == (
        200,
        account_id,
        "nora",
    )
    here = await door.caller(nora)
    assert (here["role"], here["account_id"], here["vendor_id"]) == ("owner", account_id, None)
    assert (await door.ask(nora, "GET", f"/v1/accounts/{account_id}")).status == 200
    assert (await look(door, nora, code))["state"] == "used"
    assert await door.events() == ["account.created", "invitation.made", "invitation.used", "login.bound"]


async def test_used_once(door: Door) -> None:
    """Another login is refused; the same one again is answered alike, and nothing happens a second time."""
    code = (await door.invited(account_id=await door.account()))["code"]
    answers = await asyncio.gather(*(door.accept(nobody(sub), code) for sub in ("ann", "bob", "cid")))
    assert sorted(each.status for each in answers) == [200, 409, 409]
    assert {each.slug for each in answers if each.status == 409} == {"invitation-used"}
    first = next(each for each in answers if each.status == 200)
    before = await door.events()
    again = await door.accept(nobody(first.body["subject"]), code)
    assert (again.status, again.body, again.headers["ETag"]) == (200, first.body, first.headers["ETag"])
    assert await door.events() == before


async def test_as_a_command(door: Door) -> None:
    """They take what every command does: a key for doing it once, a version, and a wait."""
    account_id = await door.account()
    body = {"account_id": account_id}
    made = await door.ask(OPERATOR, "POST", "/v1/invitations", body, Idempotency_Key="k")
    again = await door.ask(OPERATOR, "POST", "/v1/invitations", body, Idempotency_Key="k")
    assert (again.body, again.headers["Idempotency-Replayed"]) == (made.body, "true")
    path, etag = f"/v1/invitations/{made.body['invitation']['invitation_id']}", made.headers["ETag"]
    assert made.headers["Location"] == path
    assert (await door.ask(OPERATOR, "DELETE", path, If_Match='"7"')).status == 412
    assert (await door.ask(OPERATOR, "DELETE", path, If_Match=etag)).body["state"] == "withdrawn"
    code, nora = (await door.invited(account_id=account_id))["code"], nobody("nora")
    accepted = await door.accept(nora, code, Idempotency_Key="a", Prefer="wait=5")
    replayed = await door.accept(nora, code, Idempotency_Key="a")
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert accepted.body == {**replayed.body, "enforced": True}


@pytest.mark.parametrize("bad", [NO_CODE, "x", "inv_000000000000", NO_CODE[:-1], "\u00e9" * 70])
async def test_no_code(door: Door, bad: str) -> None:
    """What is no invitation's code is told nothing, and is not repeated."""
    for what in ("look", "accept"):
        refused = await door.ask(nobody("nora"), "POST", f"/v1/invitations/{what}", {"code": bad})
        assert (refused.status, refused.slug) == (404, "not-found")
        assert bad not in str(refused.body)


async def test_a_code_with_another_secret(door: Door) -> None:
    """Whoever knows an invitation's id and no more is told nothing, and nothing happens."""
    made = await door.invited(account_id=await door.account())
    public_id = made["invitation"]["invitation_id"].removeprefix("inv_")
    forged, before = mint_code(public_id, bytes(32)).code, await door.events()
    for what in ("look", "accept"):
        refused = await door.ask(nobody("nora"), "POST", f"/v1/invitations/{what}", {"code": forged})
        assert (refused.status, refused.slug) == (404, "not-found")
    assert await door.events() == before


async def test_the_code_is_kept_nowhere(door: Door) -> None:
    """What is kept of it, in events and histories, is its digest, and no history has that."""
    account_id = await door.account()
    code = (await door.invited(account_id=account_id))["code"]
    await door.accept(nobody("nora"), code)
    known = read_code(code)
    assert known is not None
    rows = [row.data for row, *_ in await door.registry.ledger.rows_after(0, 100)]
    assert any(known.digest.hex() in row for row in rows)
    assert not any(code[25:60] in row for row in rows)
    shown = await door.done(owner(account_id), "GET", f"/v1/accounts/{account_id}/history")
    assert known.digest.hex() not in str(shown)
    listed = await door.done(OPERATOR, "GET", "/v1/invitations")
    assert code[25:60] not in str(listed) and known.digest.hex() not in str(listed)
    refused = await door.ask(OPERATOR, "POST", "/v1/accounts", {"name": f"is it {code}?"})
    assert (refused.status, refused.pointers) == (422, ["/name"])


async def test_too_late(door: Door) -> None:
    """An invitation is over by the clock, or withdrawn, and the look says so."""
    account_id = await door.account()
    short = await door.invited(account_id=account_id, expires_in_s=60)
    withdrawn = await door.invited(account_id=account_id, expires_in_s=30 * 86_400)
    path = f"/v1/invitations/{withdrawn['invitation']['invitation_id']}"
    for _ in range(2):
        assert (await door.done(OPERATOR, "DELETE", path))["state"] == "withdrawn"
    door.clock.moved_by = timedelta(seconds=61)
    for made, slug in ((short, "invitation-over"), (withdrawn, "invitation-withdrawn")):
        refused = await door.accept(nobody("nora"), made["code"])
        assert (refused.status, refused.slug) == (409, slug)
        assert (await look(door, nobody("nora"), made["code"]))["state"] == slug.removeprefix("invitation-")
    listed = (await door.done(OPERATOR, "GET", "/v1/invitations"))["items"]
    assert [each["state"] for each in listed] == ["withdrawn", "over"]
    assert (await door.events()).count("invitation.withdrawn") == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"account_id": "acc_1", "vendor_id": "ven_1"},
        {"account_id": None},
        {"account_id": "acc 1"},
        {"account_id": "acc_1", "expires_in_s": 59},
        {"account_id": "acc_1", "expires_in_s": 30 * 86_400 + 1},
        {"account_id": "acc_1", "role": "operator"},
    ],
    ids=str,
)
async def test_no_invitation(door: Door, body: Claims) -> None:
    """One is to an account or to a vendor, and for thirty days at most."""
    assert (await door.ask(OPERATOR, "POST", "/v1/invitations", body)).status == 422


async def test_who_invites(door: Door) -> None:
    """An operator to anything there is, an owner to its own account, a vendor to itself; lists are alike."""
    one, other = await door.account(), await door.account()
    vendor_id = (await door.done(vendor("vera"), "POST", "/v1/vendors", APPLICATION))["vendor_id"]
    mine, itself = owner(one), vendor("vera")
    to_mine = await door.invited(mine, account_id=one)
    to_vendor = await door.invited(itself, vendor_id=vendor_id)
    to_other = await door.invited(account_id=other)
    for who, body in (
        (mine, {"account_id": other}),
        (mine, {"vendor_id": vendor_id}),
        (itself, {"account_id": one}),
        (itself, {"vendor_id": "ven_000000000000"}),
        (vendor("nora"), {"vendor_id": vendor_id}),
        (OPERATOR, {"account_id": "acc_000000000000"}),
        (OPERATOR, {"vendor_id": one}),
    ):
        refused = await door.ask(who, "POST", "/v1/invitations", body)
        assert (refused.status, refused.slug) == (404, "not-found"), body
    for who in (REVIEWER, nobody("nora")):
        assert (await door.ask(who, "POST", "/v1/invitations", {"account_id": one})).status == 403

    async def listed(who: Claims, query: str = "") -> list[str]:
        items = (await door.done(who, "GET", f"/v1/invitations{query}"))["items"]
        return [each["invitation_id"] for each in items]

    ids = [each["invitation"]["invitation_id"] for each in (to_mine, to_vendor, to_other)]
    assert await listed(OPERATOR) == ids[::-1]
    assert await listed(OPERATOR, f"?account_id={other}") == [ids[2]]
    assert await listed(OPERATOR, f"?account_id={other}&vendor_id={vendor_id}") == []
    assert (await listed(mine), await listed(itself), await listed(vendor("nora"))) == (
        [ids[0]],
        [ids[1]],
        [],
    )
    assert await listed(mine, f"?account_id={one}") == [ids[0]]
    first = await door.done(OPERATOR, "GET", "/v1/invitations?limit=2")
    assert await listed(OPERATOR, f"?limit=2&cursor={first['next_cursor']}") == [ids[0]]
    for who, query in ((mine, f"?account_id={other}"), (itself, f"?account_id={one}")):
        assert (await door.ask(who, "GET", f"/v1/invitations{query}")).status == 404
    for who in (itself, owner(other)):
        assert (await door.ask(who, "DELETE", f"/v1/invitations/{ids[0]}")).status == 404
    assert (await door.ask(mine, "DELETE", f"/v1/invitations/{ids[0]}")).body["state"] == "withdrawn"
    assert (await door.ask(mine, "DELETE", "/v1/invitations/x")).status == 404


async def test_whose_token_says_it_already(door: Door) -> None:
    """A login whose token says what it is needs no invitation; one that says something else gets none."""
    account_id = await door.account()
    code = (await door.invited(account_id=account_id))["code"]
    for who in (OPERATOR, REVIEWER, owner(account_id), vendor("vera", "ven_1"), {"role": "gateway"}):
        refused = await door.accept(who, code)
        assert (refused.status, refused.slug) == (409, "login-needs-none")
    elsewhere = {**nobody("nora"), "account_id": "acc_000000000000"}
    for who in (vendor("vera"), elsewhere):
        refused = await door.accept(who, code)
        assert (refused.status, refused.slug) == (409, "invitation-for-another")
    assert (await door.accept({"role": "owner", "sub": "nora"}, code)).status == 200
    assert (await door.caller({"role": "owner", "sub": "nora"}))["account_id"] == account_id
