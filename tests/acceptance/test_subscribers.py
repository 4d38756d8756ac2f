"""What a third-party consumer can read from both topics of a running stack."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event

from keyfold.client.endpoints import kafka_of
from keyfold.kafka.access import client_options
from tests.support.eventually import eventually
from tests.support.stack.running import RunningStack, wait_for_end
from tests.support.stack.world import OPERATOR, Practice, World

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "denials_per_vendor.py"
NOTE = "/v1/note"
ACCESS_TOPIC = "keyfold.access.v1"


async def consumed(stack: RunningStack, topic: str) -> list[BaseCloudEvent]:
    """Return everything on a topic, as the CloudEvents SDK decodes it."""
    consumer = AIOKafkaConsumer(
        topic, **client_options(kafka_of(stack.record, "analyst")), auto_offset_reset="earliest"
    )
    records: list[ConsumerRecord] = []
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                records += (await consumer.getmany(partition, timeout_ms=500)).get(partition, [])
    return [parsed(record) for record in records]


def parsed(record: ConsumerRecord) -> BaseCloudEvent:
    """Decode a record with the CloudEvents SDK's own Kafka binding."""
    return from_kafka_event(KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value))


async def test_lifecycle(stack: RunningStack, world: World, practice: Practice) -> None:
    """The lifecycle topic is the ledger: the same events with the same ids, in one order without a gap."""
    ledger = (await world.done("GET", "/v1/ledger?after=0&limit=100", OPERATOR))["items"]

    events = await consumed(stack, "keyfold.lifecycle.v1")

    assert [int(str(event.get_extension("position"))) for event in events] == list(range(1, len(events) + 1))
    assert [event.get_id() for event in events[: len(ledger)]] == [row["event_id"] for row in ledger]
    assert [event.get_type() for event in events[: len(ledger)]] == [row["type"] for row in ledger]
    assert [event.get_data() for event in events[: len(ledger)]] == [row["data"] for row in ledger]
    assert {event.get_source() for event in events} == {"/keyfold/ledger"}
    assert events[0].get_time() is not None


async def test_access(stack: RunningStack, world: World, practice: Practice) -> None:
    """An access event has the decision's id, its key as subject, and the request and the answer."""
    refused = await world.request("GET", NOTE, practice.keys)
    decision = refused.headers["X-Keyfold-Decision"]

    async def shipped() -> BaseCloudEvent | None:
        events = await consumed(stack, ACCESS_TOPIC)
        return next((event for event in events if event.get_id() == decision), None)

    event = await eventually(shipped)

    assert event.get_type() == "keyfold.access.decided"
    assert event.get_source().startswith("/keyfold/gatekeeper/")
    assert event.get_subject() == practice.key_id
    data = event.get_data()
    assert isinstance(data, dict)
    asked = {name: data[name] for name in ("method", "path", "category", "access", "decision", "reason")}
    assert asked == {
        "method": "GET",
        "path": NOTE,
        "category": "clinical",
        "access": "read",
        "decision": "deny",
        "reason": "category_denied",
    }


async def test_example(stack: RunningStack, world: World) -> None:
    """The example subscriber counts a vendor's refusals against the running stack."""
    practice = await world.practice(await world.vendor())
    for _ in range(3):
        await world.request("GET", NOTE, practice.keys)
    await world.request("GET", "/v1/patient", practice.keys)

    analyst = kafka_of(stack.record, "analyst")

    async def counted() -> bool:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(EXAMPLE),
            analyst.bootstrap,
            env={**os.environ, **analyst.settings()},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        done = await wait_for_end(process)
        assert done.status == 0, done.err
        counts = [orjson.loads(line) for line in done.out.splitlines()]
        ours = [count for count in counts if count["vendor"] == practice.vendor.vendor_id]
        assert {count["reason"] for count in ours} <= {"category_denied"}
        return sum(int(count["denials"]) for count in ours) == 3

    await eventually(counted, within_s=20)


async def test_poison(stack: RunningStack, world: World, practice: Practice) -> None:
    """A record that is no access event is dead-lettered with reason and origin, and its partition goes on."""
    first = await world.request("GET", NOTE, practice.keys)
    async with AIOKafkaProducer(**client_options(stack.kafka)) as producer:
        place = await producer.send_and_wait(ACCESS_TOPIC, b"\xff poison", key=practice.key_id.encode())
    last = await world.request("GET", "/v1/patient", practice.keys)
    assert (first.status, last.status) == (403, 200)

    await world.whole_log(practice)
    letters = (await stack.keyfold("dead-letter", "list")).json()

    (letter,) = (each for each in letters if each["origin"].endswith(f"[{place.partition}]@{place.offset}"))
    assert letter["origin"].startswith(ACCESS_TOPIC)
    assert letter["reason"]
    assert "poison" not in letter["reason"]
