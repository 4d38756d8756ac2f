"""Rate limits of keys, at a running gatekeeper."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from keyfold.domain.access.decision import Reason
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyRateLimitChanged
from keyfold.domain.rate_limit import RateLimit
from keyfold.wire.keys.format import KeyKind, MintedKey
from tests.support.gatekeeper.answered import Answered
from tests.support.gatekeeper.practice import ACCOUNT, BOTH, VENDOR_KEY, mint_key, practice, subscriber_key
from tests.support.gatekeeper.world import NGINX_TOKEN, Gatekeeper, World

TWO_AN_HOUR = RateLimit.of(2, 3600)
DENIED, NGINX, PORTS, FAST, EDITED = (mint_key(KeyKind.SUBSCRIBER, number) for number in range(31, 36))
LIMITED = (
    *practice(),
    *(subscriber_key(key, rate_limit=TWO_AN_HOUR) for key in (DENIED, NGINX, PORTS, EDITED)),
    subscriber_key(FAST, rate_limit=RateLimit.of(1, 1)),
)


@pytest.fixture(scope="module")
def history() -> Sequence[LifecycleEvent]:
    """A practice some of whose keys have limits, and no default."""
    return LIMITED


def with_key(key: MintedKey) -> dict[str, str]:
    """Return the key headers of a vendor that uses this key."""
    return {"x-api-key": VENDOR_KEY.secret, "A-api-key": key.secret}


async def ask(gatekeeper: Gatekeeper, key: MintedKey, path: str = "/v1/patient") -> Answered:
    """Ask whether the key may read this."""
    return await gatekeeper.ask("GET", path, with_key(key))


async def test_a_key_that_is_used_up_is_told_when_to_come_again(gatekeeper: Gatekeeper) -> None:
    """Other denials use nothing up; after the burst comes 429, with its headers and a record."""
    for _ in range(5):
        assert (await ask(gatekeeper, DENIED, "/v1/note")).reason == Reason.CATEGORY_DENIED
    assert [(await ask(gatekeeper, DENIED)).status for _ in range(2)] == [200, 200]
    answer = await ask(gatekeeper, DENIED)
    problem, record = json.loads(answer.body), gatekeeper.journal()[-1]
    assert (answer.status, answer.reason) == (429, Reason.RATE_LIMITED)
    assert (problem["status"], problem["reason"]) == (429, Reason.RATE_LIMITED)
    assert (record.reason, record.key_id, record.path) == (Reason.RATE_LIMITED, DENIED.key_id, "/v1/patient")
    wait_s = int(answer.headers["Retry-After"])
    assert 1700 < wait_s <= 1800
    assert answer.headers["RateLimit-Policy"] == '"key";q=2;w=3600;keyfold-burst=2'
    assert answer.headers["RateLimit"] == f'"key";r=0;t={wait_s}'


async def test_others_are_not_held_up(gatekeeper: Gatekeeper) -> None:
    """A key without a limit may be used any number of times, whatever other keys use."""
    assert {(await gatekeeper.ask("GET", "/v1/patient", BOTH)).status for _ in range(50)} == {200}


async def test_a_gateway_that_cannot_pass_429_on_gets_403(gatekeeper: Gatekeeper) -> None:
    """nginx turns a 429 into a 500, so it gets a 403, without a body but with every header."""
    told = {"X-Original-Method": "GET", "X-Original-URI": "/v1/patient", **with_key(NGINX)}
    answers = [await gatekeeper.ask("GET", "/", told, token=NGINX_TOKEN) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 403]
    assert (answers[2].reason, answers[2].body) == (Reason.RATE_LIMITED, b"")
    assert {"Retry-After", "RateLimit", "RateLimit-Policy"} <= set(answers[2].headers)


async def test_both_ports_count_together(gatekeeper: Gatekeeper) -> None:
    """A process counts the requests on both of its ports together."""
    statuses = [
        (await gatekeeper.ask("GET", "/v1/patient", with_key(PORTS), is_main_port=is_main_port)).status
        for is_main_port in (False, True, False, True)
    ]
    assert statuses == [200, 200, 429, 429]


async def test_an_edited_limit_is_in_force_at_once(world: World) -> None:
    """A wider limit allows what is left of it after past use; without a limit the default holds."""
    await world.append(*LIMITED)
    await world.project()
    async with world.gatekeeper(RATE_LIMIT_DEFAULT="1/3600:4") as gatekeeper:

        async def statuses(count: int) -> list[int]:
            return [(await ask(gatekeeper, EDITED)).status for _ in range(count)]

        async def edit(limit: RateLimit | None) -> None:
            edited = SubscriberKeyRateLimitChanged(key_id=EDITED.key_id, account_id=ACCOUNT, rate_limit=limit)
            await gatekeeper.reaches(await world.record(edited))

        assert await statuses(3) == [200, 200, 429]
        await edit(RateLimit.of(3, 3600))
        assert await statuses(2) == [200, 429]
        await edit(None)
        assert await statuses(2) == [200, 429]
        plain = [(await gatekeeper.ask("GET", "/v1/patient", BOTH)).status for _ in range(5)]
        assert plain == [200, 200, 200, 200, 429]


async def test_each_process_counts_for_itself(world: World) -> None:
    """Processes do not share counts: each allows a burst of its own."""
    await world.append(*LIMITED)
    await world.project()
    for _ in range(2):
        async with world.gatekeeper() as gatekeeper:
            assert [(await ask(gatekeeper, EDITED)).status for _ in range(3)] == [200, 200, 429]
