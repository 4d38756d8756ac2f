"""Idempotency-Key: a request that comes again is answered again and done once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from keyfold.registry.purging import purge
from keyfold.store.ledger.idempotency_records import IdempotencyRecords
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.errors import DatabaseAway
from tests.support.eventually import eventually
from tests.support.registry.commanding import SetClock
from tests.support.registry.serving import OPERATOR, Answered, Registry, instance, owner

KEY = "7f6f4f0e-retry"
NEW = {"name": "Recalls", "permissions": {"patient": "read", "files": "write"}}


class Unsteady(IdempotencyRecords):
    """Kept answers whose database is away at first."""

    asked = 0

    async def purge(self, now: datetime) -> int:
        """Fail the first two times."""
        self.asked += 1
        if self.asked <= 2:
            raise DatabaseAway("gone")
        return await super().purge(now)


async def _create(registry: Registry, account_id: str, key: str = KEY, body: object = NEW) -> Answered:
    path = f"/v1/accounts/{account_id}/keys"
    return await registry.ask(owner(account_id), "POST", path, body, Idempotency_Key=key)


def _same(first: Answered, again: Answered) -> bool:
    told = ("ETag", "Location", "Content-Type", "Cache-Control")
    return (first.status, first.body) == (again.status, again.body) and all(
        first.headers[name] == again.headers[name] for name in told
    )


async def test_again(registry: Registry) -> None:
    """The same request with the same key is answered as before, secret and all, and is done once."""
    account_id = await registry.account()
    first, again = [await _create(registry, account_id) for _ in range(2)]
    assert first.status == 201
    assert first.headers["Location"] == f"/v1/accounts/{account_id}/keys/{first.body['key']['key_id']}"
    assert "Idempotency-Replayed" not in first.headers
    assert _same(first, again)
    assert again.headers["Idempotency-Replayed"] == "true"
    reordered = {"permissions": {"files": "write", "patient": "read"}, "name": "Recalls"}
    assert _same(first, await _create(registry, account_id, body=reordered))
    assert (await registry.ledger.head()).position == 2


async def test_as_it_was_then(registry: Registry) -> None:
    """What has happened since changes neither the answer nor, through it, anything."""
    account_id = await registry.account()
    path = f"/v1/accounts/{account_id}/integrations"
    for enabled in (False, True):  # the first of them changes nothing, and is kept nevertheless
        await registry.ask(owner(account_id), "PUT", path, {"enabled": enabled}, Idempotency_Key=str(enabled))
    replayed = await registry.ask(
        owner(account_id), "PUT", path, {"enabled": False}, Idempotency_Key="False", If_Match='"9"'
    )
    assert (replayed.status, replayed.body["integrations_enabled"], replayed.body["version"]) == (
        200,
        False,
        1,
    )
    read = await registry.ask(owner(account_id), "GET", f"/v1/accounts/{account_id}")
    assert read.body["integrations_enabled"] is True


async def test_another_request(registry: Registry) -> None:
    """A key that comes with another body, path or method is refused, and nothing is done."""
    account_id = await registry.account()
    made = await _create(registry, account_id)
    one = f"/v1/accounts/{account_id}/keys/{made.body['key']['key_id']}"
    for method, path, body in (
        ("POST", f"/v1/accounts/{account_id}/keys", {**NEW, "name": "Other"}),
        ("POST", f"/v1/accounts/{account_id}/keys", {**NEW, "expires_at": None}),
        ("PATCH", one, {"name": "Other"}),
        ("DELETE", one, None),
    ):
        refused = await registry.ask(owner(account_id), method, path, body, Idempotency_Key=KEY)
        assert (refused.status, refused.slug) == (422, "idempotency-key-reused")
    assert (await registry.ledger.head()).position == 2


async def test_callers_apart(registry: Registry) -> None:
    """The same key of two callers is two keys."""
    ids = [await registry.account(), await registry.account()]
    first, second = [await _create(registry, account_id) for account_id in ids]
    assert (first.status, second.status) == (201, 201)
    assert first.body["secret"] != second.body["secret"]


async def test_refusals_are_not_kept(registry: Registry) -> None:
    """A command that was refused did nothing, and its key is as good as new."""
    account_id = await registry.account()
    past = {**NEW, "expires_at": "2001-01-01T00:00:00Z"}
    assert (await _create(registry, account_id, body=past)).status == 422
    assert (await _create(registry, account_id)).status == 201


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256, ("a", "a")])
async def test_bad_keys(registry: Registry, key: str | tuple[str, ...]) -> None:
    """A key is 1 to 255 visible ASCII characters, once; anything else does nothing."""
    refused = await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"}, Idempotency_Key=key)
    assert (refused.status, refused.slug) == (400, "bad-idempotency-key")
    assert (await registry.ledger.head()).position == 0
    longest = await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"}, Idempotency_Key="x" * 255)
    assert longest.status == 201


async def test_at_once(database: str) -> None:
    """A request that is sent twenty times at once, to two processes, is done once and always answered."""
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(instance(database)) for _ in range(2)]
        account_id = await first.account()
        answers = await asyncio.gather(*(_create(each, account_id) for each in (first, second) * 10))
        assert all(_same(answers[0], each) for each in answers)
        assert sum("Idempotency-Replayed" not in each.headers for each in answers) == 1
        assert (await first.ledger.head()).position == 2


async def test_another_process_later(database: str) -> None:
    """An answer that never arrived, for its process died after the commit, is given by the next one."""
    async with instance(database) as first:
        account_id = await first.account()
        lost = await _create(first, account_id)
    async with instance(database) as second:
        again = await _create(second, account_id)
        assert _same(lost, again)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (await second.ledger.head()).position == 2


async def test_a_day_later(database: str) -> None:
    """After 24 hours a key is free again, whether or not its answer has been removed by then."""
    clock = SetClock()
    async with instance(database, clock=clock) as registry:
        account_id = await registry.account()
        first = await _create(registry, account_id)
        clock.moved_by = timedelta(hours=23, minutes=59)
        assert _same(first, await _create(registry, account_id))
        clock.moved_by = timedelta(hours=24, minutes=1)
        second = await _create(registry, account_id)
        assert (second.status, second.headers.get("Idempotency-Replayed")) == (201, None)
        assert second.body["secret"] != first.body["secret"]
        assert _same(second, await _create(registry, account_id))


async def test_purge(database: str) -> None:
    """Answers are removed when their time is over, and not before."""
    clock = SetClock()
    async with (
        instance(database, clock=clock) as registry,
        open_pool(database, application_name="test") as pool,
    ):
        kept = IdempotencyRecords(pool)
        account_id = await registry.account()
        await _create(registry, account_id, "old")
        clock.moved_by = timedelta(hours=12)
        young = await _create(registry, account_id, "young")
        assert await kept.purge(clock.now()) == 0
        clock.moved_by = timedelta(hours=24, minutes=1)
        assert await kept.purge(clock.now()) == 1
        assert _same(young, await _create(registry, account_id, "young"))


async def test_purge_goes_on(database: str) -> None:
    """The removal goes on also after a time in which PostgreSQL was away."""
    clock = SetClock()
    async with instance(database, clock=clock) as registry:
        account_id = await registry.account()
        await _create(registry, account_id)
        clock.moved_by = timedelta(hours=25)
        async with open_pool(database, application_name="purge", size_max=1) as pool:
            purging = asyncio.create_task(purge("kept answers", Unsteady(pool), clock, interval_s=0.01))

            async def purged() -> bool:
                return int(await pool.fetchval("select count(*) from ledger.kept_answers")) == 0

            await eventually(purged)
            assert not purging.done()
            purging.cancel()
            await asyncio.wait([purging])


async def test_one_tenant_keeps_too_many(database: str) -> None:
    """A tenant that fills its share is refused, it alone, and nothing that was done is done again."""
    clock = SetClock()
    async with instance(database, clock=clock, records_max=8) as registry:
        greedy, other = [await registry.account() for _ in range(2)]
        colleague = replace(owner(greedy), sub="olga")
        many = await asyncio.gather(*(_create(registry, greedy, f"key-{number}") for number in range(64)))
        done = [each for each in many if each.status == 201]
        assert len(done) == 6  # three quarters: the rest is for the tenant's other logins
        assert {(each.status, each.slug) for each in many if each.status != 201} == {
            (429, "too-many-idempotency-keys")
        }
        path = f"/v1/accounts/{greedy}/keys"
        last = [
            await registry.ask(colleague, "POST", path, NEW, Idempotency_Key=str(number))
            for number in range(3)
        ]
        assert [each.status for each in last] == [201, 201, 429]
        assert (await registry.ask(colleague, "POST", path, NEW)).status == 201  # without a key
        again = await registry.ask(colleague, "POST", path, NEW, Idempotency_Key="1")
        assert _same(last[1], again)
        assert (await _create(registry, other)).status == 201
        assert (
            await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"}, Idempotency_Key="x")
        ).status == 201
        clock.moved_by = timedelta(hours=24, minutes=1)
        async with open_pool(database, application_name="test") as pool:
            await IdempotencyRecords(pool).purge(clock.now())
        assert (await _create(registry, greedy, "afresh")).status == 201


async def test_sealed(database: str) -> None:
    """No secret lies in the database, nor the Idempotency-Key that would open what does."""
    async with instance(database) as registry:
        account_id = await registry.account()
        made = await _create(registry, account_id)
    connection = await asyncpg.connect(database)
    try:
        (row,) = await connection.fetch("select * from ledger.kept_answers")
    finally:
        await connection.close()
    lying = b"".join(each if isinstance(each, bytes) else str(each).encode() for each in row)
    for secret in (made.body["secret"], made.body["key"]["key_id"], KEY, "Recalls"):
        assert secret.encode() not in lying


async def test_another_secret(database: str) -> None:
    """A process with another secret cannot open the answer, says so, and does not repeat the command."""
    async with instance(database) as first:
        account_id = await first.account()
        await _create(first, account_id)
    async with instance(database, secret=b"another thirty-two characters of it") as second:
        refused = await _create(second, account_id)
        assert (refused.status, refused.slug) == (409, "idempotency-answer-sealed")
        assert (await second.ledger.head()).position == 2
