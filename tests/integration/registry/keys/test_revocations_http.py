"""Many keys revoked in one request: an answer for each, and no key that slips through."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyCreated, SubscriberKeyRevoked
from keyfold.wire.events.chain import understand
from keyfold.wire.keys.format import is_key_id
from tests.support.registry.serving import OPERATOR, REVIEWER, Answered, Registry, instance, owner

MANY = 1000


async def revoke(registry: Registry, account_id: str, body: object, **headers: str) -> Answered:
    """Ask for many keys to be revoked."""
    path = f"/v1/accounts/{account_id}/keys/revoke"
    return await registry.ask(owner(account_id), "POST", path, body, **headers)


async def live(registry: Registry, account_id: str) -> list[str]:
    """Return the keys that are shown as active."""
    path = f"/v1/accounts/{account_id}/keys?state=active&limit=100"
    return [each["key_id"] for each in (await registry.ask(owner(account_id), "GET", path)).body["items"]]


async def revoked_in_ledger(registry: Registry) -> list[str]:
    """Return the key of every revocation that is recorded, in order."""
    events, position = [], 0
    while rows := await registry.ledger.rows_after(position, 1000):
        events += [understand(row.row, row.hash).event for row in rows]
        position += len(rows)
    return [each.key_id for each in events if isinstance(each, SubscriberKeyRevoked)]


def results(answered: Answered) -> list[tuple[str, str]]:
    """Return each key and what became of it."""
    assert answered.status == 200, answered.body
    return [(each["key_id"], each["result"]) for each in answered.body["items"]]


async def test_named(registry: Registry) -> None:
    """Those named are revoked at one instant, each with its own answer, in their order; no other is."""
    account_id = await registry.account()
    first, second, third = [(await registry.key(account_id, name=name))["key_id"] for name in "abc"]
    answered = await revoke(registry, account_id, {"key_ids": [third, first, third]})
    assert results(answered) == [(third, "revoked"), (first, "revoked")]
    assert [each["name"] for each in answered.body["items"]] == ["c", "a"]
    assert {each["version"] for each in answered.body["items"]} == {2}
    assert len({each["revoked_at"] for each in answered.body["items"]}) == 1
    assert answered.headers["ETag"] == '"1"'  # the account itself is as it was
    assert await live(registry, account_id) == [second]


async def test_mixed(registry: Registry) -> None:
    """A key that is not there, another's or revoked before has its own answer and hinders no other."""
    account_id, other_id = await registry.account(), await registry.account()
    mine, before = await registry.key(account_id), await registry.key(account_id)
    theirs, their_revoked = await registry.key(other_id), await registry.key(other_id)
    await revoke(registry, other_id, {"key_ids": [their_revoked["key_id"]]})
    issued = (
        await registry.ask(REVIEWER, "POST", f"/v1/vendors/{await registry.approved_vendor()}/keys")
    ).body["key"]
    path = f"/v1/accounts/{account_id}/keys/{before['key_id']}"
    earlier = (await registry.ask(owner(account_id), "DELETE", path)).body
    others = [
        theirs["key_id"],
        their_revoked["key_id"],
        issued["key_id"],
        "key_000000000000",
        account_id,
        "x",
        "",
        "no/id",
        f"{mine['key_id']} ",
        "é" * 10_000,
    ]
    answered = await revoke(registry, account_id, {"key_ids": [*others, before["key_id"], mine["key_id"]]})
    assert results(answered) == [
        *((each if is_key_id(each) else "(redacted)", "not_found") for each in others),
        (before["key_id"], "already_revoked"),
        (mine["key_id"], "revoked"),
    ]
    for item in answered.body["items"][: len(others)]:
        assert (item["name"], item["revoked_at"], item["version"]) == (None, None, None)
    assert answered.body["items"][-2]["revoked_at"] == earlier["revoked_at"]
    assert await live(registry, other_id) == [theirs["key_id"]]
    revoked = [each["key_id"] for each in (their_revoked, before, mine)]
    assert await revoked_in_ledger(registry) == revoked


async def test_all(registry: Registry) -> None:
    """All are those of the account that are not revoked yet; again there is nothing left to do."""
    account_id, other_id = await registry.account(), await registry.account()
    made = [(await registry.key(account_id))["key_id"] for _ in range(3)]
    theirs = await registry.key(other_id)
    await revoke(registry, account_id, {"key_ids": made[:1]})
    answered = await revoke(registry, account_id, {"all": True})
    assert sorted(results(answered)) == sorted((each, "revoked") for each in made[1:])
    assert (await revoke(registry, account_id, {"all": True})).body == {"items": []}
    again = await revoke(registry, account_id, {"key_ids": made})
    assert results(again) == [(each, "already_revoked") for each in made]
    assert sorted(await revoked_in_ledger(registry)) == sorted(made)
    assert await live(registry, other_id) == [theirs["key_id"]]


async def test_same_request_again(registry: Registry) -> None:
    """Under its Idempotency-Key a request is answered as before, also once there are other keys."""
    account_id = await registry.account()
    await registry.key(account_id)
    first = await revoke(registry, account_id, {"all": True}, Idempotency_Key="incident-7")
    later = (await registry.key(account_id))["key_id"]
    again = await revoke(registry, account_id, {"all": True}, Idempotency_Key="incident-7")
    assert (again.body, again.headers["Idempotency-Replayed"]) == (first.body, "true")
    assert await live(registry, account_id) == [later]


async def test_condition(registry: Registry) -> None:
    """If-Match is held against the account: a stale one revokes nothing."""
    account_id = await registry.account()
    key_id = (await registry.key(account_id))["key_id"]
    assert (await revoke(registry, account_id, {"all": True}, If_Match='"2"')).status == 412
    assert await live(registry, account_id) == [key_id]
    assert results(await revoke(registry, account_id, {"all": True}, If_Match='"1"')) == [(key_id, "revoked")]


async def test_bad_requests(registry: Registry) -> None:
    """Either some are named or all are meant, never both nor neither; nothing is done otherwise."""
    account_id = await registry.account()
    key_id = (await registry.key(account_id))["key_id"]
    bodies: list[tuple[dict[str, Any], str]] = [
        ({}, ""),
        ({"key_ids": [key_id], "all": True}, ""),
        ({"all": False}, "/all"),
        ({"all": 1}, "/all"),
        ({"key_ids": []}, "/key_ids"),
        ({"key_ids": [key_id] * (MANY + 1)}, "/key_ids"),
        ({"key_ids": [key_id, 1]}, "/key_ids/1"),
        ({"key_ids": [key_id, "\0"]}, "/key_ids/1"),
        ({"key_ids": key_id}, "/key_ids"),
        ({"key_ids": None, "all": None}, ""),
    ]
    for body, pointer in bodies:
        refused = await revoke(registry, account_id, body)
        assert (refused.status, refused.pointers) == (422, [pointer]), body
    assert await live(registry, account_id) == [key_id]


async def test_whose(registry: Registry) -> None:
    """Only the owner may, and to anybody else's owner the account is not there."""
    account_id, other_id = await registry.account(), await registry.account()
    path = f"/v1/accounts/{account_id}/keys/revoke"
    for caller, status in ((owner(other_id), 404), (OPERATOR, 403), (REVIEWER, 403)):
        assert (await registry.ask(caller, "POST", path, {"all": True})).status == status
    gone = await revoke(registry, "acc_000000000000", {"all": True})
    assert (gone.status, gone.slug) == (404, "not-found")


@pytest.mark.parametrize("round_", range(3))
async def test_all_against_creates(database: str, round_: int) -> None:
    """However many processes make keys meanwhile, no key that was there when all were revoked lives on."""
    async with instance(database) as one, instance(database) as two:
        account_id = await one.account()
        await asyncio.gather(*(each.key(account_id) for each in (one, two) for _ in range(5)))

        async def create(registry: Registry) -> str:
            return str((await registry.key(account_id))["key_id"])

        creating = [asyncio.create_task(create(each)) for each in (one, two) * 10]
        revoking = asyncio.create_task(revoke((one, two)[round_ % 2], account_id, {"all": True}))
        made = await asyncio.gather(*creating)
        revoked = dict(results(await revoking))
        events = [understand(row.row, row.hash) for row in await one.ledger.rows_after(0, 1000)]
    position_of = {
        each.event.key_id: each.position for each in events if isinstance(each.event, SubscriberKeyCreated)
    }
    ended = [each.position for each in events if isinstance(each.event, SubscriberKeyRevoked)]
    assert set(revoked.values()) == {"revoked"}
    assert len(ended) == len(revoked) == ended[-1] - ended[0] + 1, "not in one append"
    assert {key for key, position in position_of.items() if position < ended[0]} == set(revoked)
    assert set(made) - set(revoked) == {key for key, at in position_of.items() if at > ended[-1]}


async def test_a_thousand(database: str) -> None:
    """A thousand keys are revoked in one request, each once."""
    async with instance(database, account_keys_max=MANY) as registry:
        account_id = await registry.account()
        made = [
            each["key_id"] for each in await asyncio.gather(*(registry.key(account_id) for _ in range(MANY)))
        ]
        answered = await revoke(registry, account_id, {"key_ids": made})
        assert results(answered) == [(each, "revoked") for each in made]
        assert sorted(await revoked_in_ledger(registry)) == sorted(made)
