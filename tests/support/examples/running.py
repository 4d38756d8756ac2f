"""The examples, run as their reader would run them, on topics of their own."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Record

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
POISON = Record(key=None, value=b"\xff not\nours", headers=(), timestamp_ms=0)


async def publish(kafka: KafkaAccess, topic: str, records: Mapping[int, Sequence[Record]]) -> None:
    """Publish records to the given partitions, in order."""
    async with Publisher(ProducerOptions(kafka=kafka)) as publisher:
        for partition, each in records.items():
            await publisher.publish(topic, partition, each)


async def start_example(name: str, kafka: KafkaAccess, *arguments: str | Path) -> Process:
    """Start an example."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / name),
        kafka.bootstrap,
        *map(str, arguments),
        env={**os.environ, **kafka.settings()},
        stdout=PIPE,
        stderr=PIPE,
    )


async def run(name: str, kafka: KafkaAccess, *arguments: str | Path) -> tuple[str, str]:
    """Run an example to its successful end; return its output and its errors."""
    process = await start_example(name, kafka, *arguments)
    printed, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return printed.decode(), complained.decode()
