"""The projection as a process of its own: its output and its exit status."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.topics import ensure_topics
from keyfold.local.process.ports import free_ports
from keyfold.local.servers.kafka import LocalKafka
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.events.codec import TYPE_NAMES
from keyfold.wire.topics import DEAD_LETTER, LIFECYCLE
from tests.support.bed import kafka_in
from tests.support.ledger_builder import LedgerBuilder, story
from tests.support.state_secret import write_state_secret


async def run_to_its_end(
    *arguments: str, **settings: str
) -> tuple[int | None, bytes, list[dict[str, object]]]:
    """Run the projection until it exits; return its status, its output and its log."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "keyfold.projection",
        *arguments,
        env={f"KEYFOLD_{name.upper()}": value for name, value in settings.items()},
        stdout=PIPE,
        stderr=PIPE,
    )
    output, log = await process.communicate()
    return process.returncode, output, [orjson.loads(line) for line in log.splitlines()]


@pytest.fixture
async def broker(tmp_path_factory: pytest.TempPathFactory) -> LocalKafka:
    """A broker that is not started yet, for the topics with their real names."""
    return kafka_in(tmp_path_factory.mktemp("own-kafka"))


async def test_says_what_it_stops_for(database: str, broker: LocalKafka, tmp_path: Path) -> None:
    """A replay prints its report; at a gap the service exits non-zero with one line that names the gap."""
    await broker.start()
    settings = {"postgres_dsn": database, **broker.access.settings(), "log_format": "json"}
    settings["state_secret"] = str(write_state_secret(tmp_path))
    ledger = LedgerBuilder(story())
    last = ledger.head.position
    again = ledger.recorded()[-1].event
    try:
        await ensure_topics(broker.access, [LIFECYCLE, DEAD_LETTER])
        async with Publisher(ProducerOptions(kafka=broker.access)) as publisher:
            await publisher.publish(LIFECYCLE.name, 0, ledger.records())
            status, output, _ = await run_to_its_end("replay", **settings)
            assert (status, orjson.loads(output)["position"]) == (0, last)
            ledger.add(again)
            ledger.add(again)
            await publisher.publish(LIFECYCLE.name, 0, ledger.records()[-1:])
        status, _, log = await run_to_its_end(**settings, http_port="0")
        failures = [line for line in log if line["level"] == "error"]
        assert status == 1
        assert [line["error"] for line in failures] == [
            f"the ledger cannot be followed past position {last},"
            f" to {TYPE_NAMES[type(again)]} at position {last + 2}:"
            f" position {last + 2} follows {last}: 1 events are missing"
        ]
        assert "exception" not in failures[0]
    finally:
        await broker.stop()


@pytest.mark.parametrize("away", ["PostgreSQL", "Kafka"])
async def test_waits_for_what_is_away(
    database: str, kafka_access: KafkaAccess, tmp_path: Path, away: str
) -> None:
    """Without PostgreSQL or Kafka the process says what it waits for, and exits non-zero at the end."""
    (port,) = free_ports(1)
    nowhere = f"127.0.0.1:{port}"
    status, _, log = await run_to_its_end(
        postgres_dsn=f"postgresql://keyfold@{nowhere}/keyfold" if away == "PostgreSQL" else database,
        **(replace(kafka_access, bootstrap=nowhere) if away == "Kafka" else kafka_access).settings(),
        state_secret=str(write_state_secret(tmp_path)),
        startup_timeout_s="1.5",
        log_format="json",
        http_port="0",
    )
    assert status == 1
    assert next(line["what"] for line in log if line["event"] == "waiting") == away
    assert f"gave up waiting for {away} after 1.5 s" in str(log[-1]["error"])
