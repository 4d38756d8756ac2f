"""Services that start while PostgreSQL or Kafka cannot be reached."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from keyfold.local.process.child import Child
from keyfold.local.process.ports import HOST, free_ports
from tests.support.chaos.stack import ChaosStack

POSTGRES, KAFKA = "PostgreSQL", "Kafka"
NEEDS = (
    ("registry", POSTGRES),
    ("relay", POSTGRES),
    ("relay", KAFKA),
    ("projection", POSTGRES),
    ("projection", KAFKA),
    ("shipper", KAFKA),
    ("audit", POSTGRES),
    ("audit", KAFKA),
)
STARTUP_TIMEOUT_S = 1
ENDED_WITHIN_S = 60.0


@pytest.mark.timeout(180)
async def test_what_is_not_there_is_named_and_waited_for_up_to_a_bound(
    stack: ChaosStack, tmp_path: Path
) -> None:
    """Each service logs what it waits for, and ends non-zero when its time is up."""
    endings = await asyncio.gather(*(ending(stack, tmp_path, name, missing) for name, missing in NEEDS))
    assert dict(zip(NEEDS, endings, strict=True)) == dict.fromkeys(NEEDS, "")


async def ending(stack: ChaosStack, directory: Path, name: str, missing: str) -> str:
    """Start a service that cannot reach what it needs; return what was wrong with its end."""
    port, nowhere = free_ports(2)
    absent = {
        POSTGRES: {"POSTGRES_DSN": f"postgresql://{HOST}:{nowhere}/keyfold"},
        KAFKA: {"KAFKA_BOOTSTRAP": f"{HOST}:{nowhere}"},
    }[missing]
    settings = {"STARTUP_TIMEOUT_S": str(STARTUP_TIMEOUT_S), "JOURNAL_DIR": str(directory / name), **absent}
    log_path = directory / f"{name}-without-{missing}.log"
    child = await Child.spawn(replace(stack.command(name, port, **settings), log_path=log_path))
    try:
        async with asyncio.timeout(ENDED_WITHIN_S):
            status = await child.wait()
    finally:
        await child.kill()
    lines = [orjson.loads(line) for line in log_path.read_bytes().splitlines() if line.startswith(b"{")]
    return _wrong(status, lines, missing)


def _wrong(status: int, lines: list[dict[str, object]], missing: str) -> str:
    waited = [line for line in lines if line["event"] == "waiting" and missing in str(line["what"])]
    failed = [str(line["error"]) for line in lines if line["event"] == "service_failed"]
    if status != 1:
        return f"it ended with status {status}"
    if not waited:
        return f"it did not say that it waits for {missing}"
    if len(failed) != 1 or "gave up waiting for" not in failed[0] or missing not in failed[0]:
        return f"its last words were {failed}"
    return ""
