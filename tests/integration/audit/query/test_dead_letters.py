"""Dead letters over HTTP: page by page, with reason and origin, and no secret of what they hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from keyfold.audit.query.dead_letters import DeadLetters
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.dead_letters.record import dead_letter
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.access.codec import access_record, encode_access_event
from keyfold.wire.record import Received, Record
from keyfold.wire.topics import ACCESS, DEAD_LETTER
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.following import NoonClock
from tests.support.audit.log import ask
from tests.support.bed import Topics
from tests.support.runtime.serving import Client, serving
from tests.support.wire.given import SECRET, TOKEN

PATH: Final = "/v1/dead-letters"
REASON: Final = "malformed: it is no access event (ValidationError)"


@pytest.fixture
async def topic(topics: Topics) -> str:
    """An empty topic of dead letters."""
    return await topics("dead-letter", config=DEAD_LETTER.config)


@pytest.fixture
async def client(kafka_access: KafkaAccess, topic: str) -> AsyncIterator[Client]:
    """A client of the audit service."""
    clock = NoonClock(at=EPOCH)
    async with serving(DeadLetters(kafka_access, topic).routes(), clock) as client:
        yield client


def letter(number: int, value: bytes | None, reason: str = REASON) -> Record:
    """Return what became of a record at that offset of the access topic."""
    received = Received(
        topic=ACCESS.name,
        partition=3,
        offset=number,
        key=None,
        value=value,
        headers=(("secret", SECRET.encode()),),
        timestamp_ms=int(EPOCH.timestamp() * 1000),
    )
    return dead_letter(received, reason=reason)


async def publish(kafka: KafkaAccess, topic: str, *records: Record) -> None:
    """Put records there."""
    async with Publisher(ProducerOptions(kafka=kafka)) as publisher:
        await publisher.publish(topic, 0, list(records))


async def pages(client: Client, limit: int) -> list[list[dict[str, Any]]]:
    """Return all pages of the list."""
    found: list[list[dict[str, Any]]] = []
    query: dict[str, Any] = {"limit": limit}
    while len(found) < 10:
        page = await ask(client, PATH, query, token="operator")
        found.append(page["items"])
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    return found


async def test_each_tells_why_and_whence(client: Client, kafka_access: KafkaAccess, topic: str) -> None:
    """An operator sees where a record came from, why it was not understood, and what it is like."""
    value = encode_access_event(access_event(1)).replace(b'"GET"', b"7")
    await publish(kafka_access, topic, letter(41, value), letter(42, None))
    nothing, event = (await ask(client, PATH, token="operator"))["items"]
    assert (nothing["position"], nothing["offset"], nothing["holds"], nothing["size_bytes"]) == (
        1,
        42,
        "nothing",
        0,
    )
    assert (event["topic"], event["partition"], event["offset"]) == (ACCESS.name, 3, 41)
    assert (event["error"], event["size_bytes"], event["holds"]) == (REASON, len(value), "json_object")
    assert abs(datetime.fromisoformat(event["recorded_at"]) - SYSTEM_CLOCK.now()) < timedelta(hours=1)
    assert event["members"]["seq"] == 1


async def test_pages_are_the_whole(client: Client, kafka_access: KafkaAccess, topic: str) -> None:
    """Newest first, each once, whatever comes meanwhile."""
    assert await pages(client, 2) == [[]]
    await publish(kafka_access, topic, *(letter(number, b"{}") for number in range(5)))
    found = await pages(client, 2)
    assert [[item["position"] for item in page] for page in found] == [[4, 3], [2, 1], [0]]
    first = await ask(client, PATH, {"limit": 2}, token="operator")
    await publish(kafka_access, topic, letter(5, b"{}"))
    second = await ask(client, PATH, {"limit": 2, "cursor": first["next_cursor"]}, token="operator")
    assert [item["position"] for item in second["items"]] == [2, 1]


async def test_no_secret_is_shown(client: Client, kafka_access: KafkaAccess, topic: str) -> None:
    """Whatever somebody put into a record, or wrote to the topic himself, headers and reason included."""
    forged = Record(
        key=SECRET.encode(),
        value=SECRET.encode(),
        headers=(
            ("keyfold_dead_reason", SECRET.encode()),
            ("keyfold_dead_topic", TOKEN.encode()),
            ("keyfold_dead_partition", SECRET.encode()),
            ("keyfold_dead_offset", TOKEN.encode()),
        ),
        timestamp_ms=2**60,
    )
    await publish(
        kafka_access,
        topic,
        forged,
        letter(1, f'{{"path": "/{SECRET}", "{TOKEN}": 1}}'.encode()),
        letter(2, b"", reason=f"malformed: {SECRET}"),
        access_record(encode_access_event(access_event(3, path=f"/v1/{SECRET}"))),
    )
    async with client.ask("GET", PATH, token="operator") as answer:
        shown = await answer.text()
    assert answer.status == 200
    for secret in (SECRET, SECRET[10:40], TOKEN):
        assert secret not in shown
    items = (await ask(client, PATH, token="operator"))["items"]
    assert [item["error"] for item in items] == [None, None, REASON, None]


@pytest.mark.parametrize("token", ["owner-1", "vendor-1", "reviewer", "gateway"])
async def test_only_operators_look(client: Client, token: str) -> None:
    """What could not be understood is whoever's, so it is shown to operators alone."""
    assert await client.status("GET", PATH, token=token) == 403


async def test_kafka_away_is_said() -> None:
    """Where Kafka does not answer, neither does the list."""
    async with serving(
        DeadLetters(KafkaAccess(bootstrap="127.0.0.1:1")).routes(), NoonClock(at=EPOCH)
    ) as client:
        body = await ask(client, PATH, token="operator", status=503)
    assert body["title"] == "Service Unavailable"
