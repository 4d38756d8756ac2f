"""Accounts: opened by operators, seen and switched by their owners alone."""

from __future__ import annotations

import asyncio

from tests.support.database import execute
from tests.support.registry.serving import GATEWAY, OPERATOR, REVIEWER, Registry, owner

# A line break, turns of direction, a zero width space, a line separator, private use, what will never be a
# character, a filler, a tag, what is kept for the like, blanks, joiners that join nothing.
UNSEEN_NAMES = (
    *("a\nb", "a\u202eb", "a\u2066b", "a\u200bb", "a\u2028b", "a\ue000b", "a\ufffeb", "a\U0010ffffb"),
    *("a\u3164b", "a\U000e0041b", "a\ufff0b", "\u00a0\u3000", "\u200d\ufe0f"),
)
# A family, a Persian name, an emoji of next year's tables, two forms of one letter, letters of two planes.
NAMES = (
    *("👩‍👩‍👧‍👦 Zahnarzt", "می‌خواهم", "🫩 \U0001faea", "\u0378", "e\u0301", "é", "ᄀ\u1161", "\U00013430"),
    *("☁️", "🇩🇪", "葛\U000e0100城", "\u0600x"),
)


async def test_open_and_read(registry: Registry) -> None:
    """What was opened is read back at once, with integrations off."""
    made = await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "Zähne & Söhne"})
    assert (made.status, made.headers["ETag"]) == (201, '"1"')
    account_id = made.body["account_id"]
    read = await registry.ask(owner(account_id), "GET", f"/v1/accounts/{account_id}")
    assert (read.status, read.headers["ETag"]) == (200, '"1"')
    assert read.body == made.body
    assert read.body == {
        "account_id": account_id,
        "name": "Zähne & Söhne",
        "integrations_enabled": False,
        "version": 1,
    }


async def test_names(registry: Registry) -> None:
    """What can be seen is a name on every Python, and is kept as it was typed: nothing is normalised."""
    for name in NAMES:
        account_id = await registry.account(name)
        made = (await registry.ask(owner(account_id), "GET", f"/v1/accounts/{account_id}")).body
        history = (await registry.ask(owner(account_id), "GET", f"/v1/accounts/{account_id}/history")).body
        events = (await registry.ask(OPERATOR, "GET", "/v1/ledger?limit=100")).body["items"]
        assert (
            made["name"] == events[-1]["data"]["name"] == history["items"][0]["changes"][0]["after"] == name
        )


async def test_switch(registry: Registry) -> None:
    """The switch turns on and off; turning it to where it is records nothing."""
    account_id = await registry.account()
    path = f"/v1/accounts/{account_id}/integrations"
    for enabled, version in ((True, 2), (True, 2), (False, 3)):
        turned = await registry.ask(owner(account_id), "PUT", path, {"enabled": enabled})
        assert turned.status == 200
        assert (turned.body["integrations_enabled"], turned.body["version"]) == (enabled, version)
    assert (await registry.ledger.head()).position == 3


async def test_other_tenants(registry: Registry) -> None:
    """Another owner is told that there is no such account, other roles that the call is not theirs."""
    account_id, other_id = await registry.account(), await registry.account()
    for method, path, body in (
        ("GET", f"/v1/accounts/{account_id}", None),
        ("PUT", f"/v1/accounts/{account_id}/integrations", {"enabled": True}),
    ):
        assert (await registry.ask(owner(other_id), method, path, body)).status == 404
        for caller in (OPERATOR, REVIEWER, GATEWAY):
            assert (await registry.ask(caller, method, path, body)).status == 403
    assert (await registry.ask(owner(account_id), "POST", "/v1/accounts", {"name": "Mine"})).status == 403
    assert (await registry.ledger.head()).position == 2


async def test_account_that_never_was(registry: Registry) -> None:
    """An owner's token for an account that does not exist opens nothing."""
    for method, path, body in (
        ("GET", "/v1/accounts/acc_none", None),
        ("PUT", "/v1/accounts/acc_none/integrations", {"enabled": True}),
        ("POST", "/v1/accounts/acc_none/keys", {"name": "x", "permissions": {}}),
    ):
        assert (await registry.ask(owner("acc_none"), method, path, body)).status == 404


async def test_if_match(registry: Registry) -> None:
    """A command on another version than the present one is refused and does nothing."""
    account_id = await registry.account()
    path, who = f"/v1/accounts/{account_id}/integrations", owner(account_id)
    for stale in ('"7"', 'W/"1"', "1", "nonsense"):
        refused = await registry.ask(who, "PUT", path, {"enabled": True}, If_Match=stale)
        assert (refused.status, refused.slug) == (412, "precondition-failed")
    assert (await registry.ledger.head()).position == 1
    assert (await registry.ask(who, "PUT", path, {"enabled": True}, If_Match='"9", "1"')).status == 200
    several = await registry.ask(who, "PUT", path, {"enabled": True}, If_Match=('"9"', '"2"'))
    assert several.status == 200
    assert (await registry.ask(who, "PUT", path, {"enabled": False}, If_Match="*")).status == 200


async def test_if_none_match(registry: Registry) -> None:
    """A command is not done to what its sender believes is not there, and a read is not repeated."""
    account_id = await registry.account()
    path, who = f"/v1/accounts/{account_id}", owner(account_id)
    for present in ("*", '"1"', 'W/"1"', '"7", "1"', "nonsense"):
        refused = await registry.ask(
            who, "PUT", f"{path}/integrations", {"enabled": True}, If_None_Match=present
        )
        assert (refused.status, refused.slug) == (412, "precondition-failed")
    assert (await registry.ledger.head()).position == 1
    assert (
        await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"}, If_None_Match="*")
    ).status == 201
    assert (
        await registry.ask(who, "PUT", f"{path}/integrations", {"enabled": True}, If_None_Match='"7"')
    ).status == 200
    known = await registry.ask(who, "GET", path, If_None_Match='W/"2"')
    assert (known.status, known.headers["ETag"]) == (304, '"2"')
    assert (await registry.ask(who, "GET", path, If_None_Match='"1"')).status == 200
    assert (await registry.ask(who, "GET", path, If_Match='"0"')).status == 412
    assert (
        await registry.ask(owner("acc_none"), "GET", "/v1/accounts/acc_none", If_None_Match="*")
    ).status == 404


async def test_bad_bodies(registry: Registry) -> None:
    """A body that is no new account is refused with the place of each fault, and nothing is recorded."""
    for body, pointers in (
        ({}, ["/name"]),
        ({"name": ""}, ["/name"]),
        ({"name": "   "}, ["/name"]),
        ({"name": "x" * 201}, ["/name"]),
        *(({"name": name}, ["/name"]) for name in UNSEEN_NAMES),
        (b'{"name": "x", "name": "y"}', ["/name"]),
        ({"name": 7}, ["/name"]),
        ({"name": "x", "colour": "red"}, ["/colour"]),
    ):
        refused = await registry.ask(OPERATOR, "POST", "/v1/accounts", body)
        assert (refused.status, refused.pointers) == (422, pointers), body
    assert (await registry.ask(OPERATOR, "POST", "/v1/accounts", b"{")).status == 400
    assert (await registry.ledger.head()).position == 0


async def test_two_hundred_at_once(registry: Registry) -> None:
    """Two hundred commands on the same account and on others all get their answer, and none is lost."""
    account_id = await registry.account()
    path = f"/v1/accounts/{account_id}/keys"

    async def made(number: int) -> int:
        if number % 2:
            return (await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"})).status
        body = {"name": f"key {number}", "permissions": {}}
        return (await registry.ask(owner(account_id), "POST", path, body)).status

    assert set(await asyncio.gather(*(made(number) for number in range(200)))) == {201}
    assert (await registry.ledger.head()).position == 201


async def test_who_did_it(registry: Registry) -> None:
    """The ledger names, for each event, who asked for it and in which request and trace."""
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await registry.ask(
        OPERATOR, "POST", "/v1/accounts", {"name": "x"}, X_Request_Id="mine-1", traceparent=traceparent
    )
    page = await registry.ask(OPERATOR, "GET", "/v1/ledger?limit=1")
    (event,) = page.body["items"]
    assert event["actor"] == {"role": "operator", "subject": "olivia"}
    assert (event["request_id"], event["traceparent"]) == ("mine-1", traceparent)
    assert (event["type"], event["position"], page.body["next_cursor"]) == (
        "keyfold.account.created",
        1,
        None,
    )


async def test_the_ledger_shows_a_field_that_is_not_known(database: str, registry: Registry) -> None:
    """What a registry of tomorrow has recorded is shown as it is, though nothing here can fold it."""
    account_id = await registry.account("x")
    await execute(
        database, "update ledger.events set data = replace(data::text, '{', '{\"more\":[1,{}],')::json"
    )
    page = await registry.ask(OPERATOR, "GET", "/v1/ledger")
    assert page.body["items"][0]["data"] == {"more": [1, {}], "account_id": account_id, "name": "x"}


async def test_ledger_pages(registry: Registry) -> None:
    """An operator pages through the whole ledger in order; an owner does not."""
    for number in range(5):
        await registry.account(f"Practice {number}")
    seen: list[int] = []
    after = "0"
    while after:
        page = (await registry.ask(OPERATOR, "GET", f"/v1/ledger?limit=2&after={after}")).body
        seen += [event["position"] for event in page["items"]]
        after = page["next_cursor"]
    assert seen == [1, 2, 3, 4, 5]
    assert (await registry.ask(owner("acc_1"), "GET", "/v1/ledger")).status == 403
    for query in ("after=-1", "after=9223372036854775808", "limit=0", "limit=101", "colour=red"):
        assert (await registry.ask(OPERATOR, "GET", f"/v1/ledger?{query}")).status == 400
