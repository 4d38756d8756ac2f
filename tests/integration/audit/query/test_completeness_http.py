"""Asking whether the log is whole, over HTTP: from Kafka's records to the very range that never came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import pytest
from msgspec.structs import replace

from keyfold.audit.query.completeness import CompletenessRoutes
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import EventId, KeyId
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.http import JsonBody, encode_cursor, rfc3339
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool
from keyfold.wire.offsets import PartitionEnd
from keyfold.wire.topics import ACCESS, DEAD_LETTER
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.following import NoonClock, consuming
from tests.support.audit.log import Log, Query, ask
from tests.support.bed import Topics
from tests.support.eventually import eventually
from tests.support.ingest.wires import Wires
from tests.support.runtime.serving import Client, serving
from tests.support.state_secret import LOG_SEAL

PATH: Final = "/v1/audit/completeness"
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


@asynccontextmanager
async def completeness(pool: Pool, topic: str = "access") -> AsyncIterator[Client]:
    """Serve the question; the clock stands at noon of the events' day."""
    clock = NoonClock(at=EPOCH)
    async with serving(CompletenessRoutes(pool, clock, topic, LOG_SEAL).routes(), clock) as client:
        yield client


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[Client]:
    """A client of the audit service."""
    async with completeness(pool) as client:
        yield client


async def test_a_hole_is_told_to_the_number(
    pool: Pool, partitions: Partitions, kafka_access: KafkaAccess, topics: Topics, database: str
) -> None:
    """Of two runs that two consumers file, the events that were never published are told, and no others."""
    assert await partitions.days() == {EPOCH.date()}
    runs = [
        [access_event(n, gatekeeper=run, key_id=KeyId(f"key_{n % 5}")) for n in range(1, 301)]
        for run in ("run-a", "run-b")
    ]
    runs[1] = [replace(each, event_id=EventId(each.event_id.replace("0", "b", 1))) for each in runs[1]]
    published = [event for event in runs[0] if not 41 <= event.seq <= 57] + runs[1]
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        wires = Wires(
            kafka=kafka_access,
            dsn=database,
            topic=await topics("access", partitions=2, config=ACCESS.config),
            dead_letter_topic=await topics("dead-letter", config=DEAD_LETTER.config),
            publisher=publisher,
        )
        async with consuming(wires, pool), consuming(wires, pool), completeness(pool, wires.topic) as client:
            await _publish(wires, published)
            await eventually(lambda: _has(pool, 583))
            found = (await ask(client, PATH, token="operator"))["items"]
    assert [(item["gatekeeper"], item["missing_ranges"]) for item in found] == [
        ("run-b", []),
        ("run-a", [{"first": 41, "last": 57}]),
    ]
    assert [(item["expected"], item["filed"], item["missing"]) for item in found] == [
        (300, 300, 0),
        (300, 283, 17),
    ]


async def _publish(wires: Wires, events: list[AccessEvent]) -> None:
    # As a shipper that crashed half way does: by partition, some of it twice.
    for partition in (1, 0):
        mine = [event for event in events if int((event.key_id or "_0")[-1]) % 2 == partition]
        await wires.publish(*mine[:90], partition=partition)
        await wires.publish(*mine[60:], partition=partition)


async def _has(pool: Pool, rows: int) -> bool:
    return bool(await pool.fetchval("select count(*) = $1 from access_log.events", rows))


async def test_an_item_says_all(client: Client, pool: Pool) -> None:
    """What is there, missing, extra and dropped; whether the log had caught up, and where nobody knows."""
    log = Log(pool)
    await log.file(*map(access_event, (1, 2, 5)))
    await log.file(access_event(2), access_event(6, at=EPOCH + HOUR))
    newest, oldest = (await ask(client, PATH, token="operator"))["items"]
    assert oldest == {
        "gatekeeper": "gatekeeper-1",
        "hour": rfc3339(EPOCH),
        "first": 1,
        "last": 5,
        "expected": 5,
        "filed": 3,
        "missing": 2,
        "missing_ranges": [{"first": 3, "last": 4}],
        "extra": 0,
        "extra_ranges": [],
        "duplicates": 1,
        "unknown_after": None,
        "ended": False,
        "caught_up": False,
        "run": "not_opened",
        "rows_checked": True,
        "present": 3,
        "altered_blocks": [{"first": 0, "last": 2047}],
    }
    assert (newest["missing"], newest["unknown_after"]) == (0, 6)
    end = PartitionEnd(offset=5, asked_at=EPOCH + HOUR)
    await AccessLog(pool, "access").note_caught_up({0: end})
    newest, oldest = (await ask(client, PATH, token="operator"))["items"]
    assert (newest["caught_up"], oldest["caught_up"]) == (False, True)


@pytest.mark.parametrize(
    ("query", "hours"),
    [
        ({}, [2, 1, 0]),
        ({"since": EPOCH + HOUR}, [2, 1]),
        ({"since": EPOCH + 1.5 * HOUR}, [2, 1]),
        ({"until": EPOCH + HOUR}, [0]),
        ({"until": EPOCH + 1.5 * HOUR, "since": EPOCH + HOUR}, [1]),
        ({"limit": 2}, [2, 1]),
    ],
)
async def test_hours_are_asked_for(client: Client, pool: Pool, query: Query, hours: list[int]) -> None:
    """Every hour that the bounds touch is answered, newest first."""
    await Log(pool).file(*(access_event(n + 1, at=EPOCH + n * HOUR) for n in range(3)))
    found = (await ask(client, PATH, query, token="operator"))["items"]
    assert [item["hour"] for item in found] == [rfc3339(EPOCH + n * HOUR) for n in hours]


async def test_pages_are_the_whole(client: Client, pool: Pool) -> None:
    """Pages of any size together are the answer, each hour of each run once."""
    await Log(pool).file(
        *(access_event(n, at=EPOCH + n % 4 * HOUR, gatekeeper=f"run-{n % 3}") for n in range(1, 25))
    )
    whole = (await ask(client, PATH, token="operator"))["items"]
    pages: list[Any] = []
    query: dict[str, Any] = {"limit": 5}
    while len(pages) < 20:
        page = await ask(client, PATH, query, token="operator")
        pages += page["items"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(whole) == 12
    assert pages == whole


class _Forged(JsonBody):
    hour: str
    gatekeeper: str


@pytest.mark.parametrize(
    "query",
    [
        {"since": EPOCH - 91 * DAY},
        {"limit": 1001},
        {"cursor": encode_cursor(_Forged(hour=rfc3339(EPOCH), gatekeeper="\0"))},
        {"cursor": "x"},
        {"gatekeeper": "run-1"},
    ],
)
async def test_what_cannot_be_asked_is_refused(client: Client, query: Query) -> None:
    """More than 90 days back, a limit without bounds, and a cursor that no page ended with are 400s."""
    await ask(client, PATH, query, token="operator", status=400)


@pytest.mark.parametrize("token", ["owner-1", "vendor-1", "reviewer", "gateway"])
async def test_only_operators_may_ask(client: Client, token: str) -> None:
    """Which gatekeepers there are is nobody else's business."""
    await ask(client, PATH, token=token, status=403)
