"""The local stack's life, tested without Keyfold's services: what holds them together is the same."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from keyfold.client.endpoints import kafka_of
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.errors import KafkaFailure
from keyfold.kafka.publisher import Publisher
from keyfold.local.process.ports import HOST, free_ports, listens
from keyfold.local.process.supervisor import DEATHS_MAX
from keyfold.local.servers.kafka_jars import artifact, class_path, version
from keyfold.local.stack_ports import FIRST_PORT, OFFSETS
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Received
from keyfold.wire.topics import LIFECYCLE
from tests.support.eventually import eventually
from tests.support.kafka.records import make_numbered, read_all, values
from tests.support.local.raw_http import send
from tests.support.local.started import (
    START_TIMEOUT_S,
    Running,
    all_gone,
    stack,
)


async def test_life(tmp_path: Path, first_port: int) -> None:
    """A stack tells its user alone where it is, keeps others out, stops clean, and finds its data again.

    One that is killed leaves no process behind, and the next start in its directory works.
    """
    async with stack(tmp_path, f"--first-port={first_port}") as first:
        await first.ready()
        record, pids = first.record, first.record["pids"].values()
        assert first.mode == 0o600
        assert {"gateway", "kafka", "postgres", "gateway_token", "pids"} <= record.keys()
        async with Publisher(ProducerOptions(kafka=kafka_of(record))) as publisher:
            await publisher.publish(LIFECYCLE.name, 0, make_numbered(0, 10))
        async with stack(tmp_path) as second:
            assert "another stack runs in" in await second.output(within_s=START_TIMEOUT_S)
            assert second.process.returncode == 1
        assert first.record == record
        first.process.send_signal(signal.SIGINT)
        printed = await first.output()
        assert first.process.returncode == 0, printed
        assert [line for line in printed.splitlines() if line.startswith("{") or "Applying" in line] == []
        assert "Keyfold is ready" in printed
    await all_gone(pids)
    assert not (tmp_path / "stack.json").exists()

    async with stack(tmp_path) as again:
        await again.ready()
        assert addresses(again.record) == addresses(record)
        assert values(await read_all(kafka_of(again.record), LIFECYCLE.name)) == list(range(10))
        pids = again.record["pids"].values()
        again.process.kill()
        await again.process.wait()
    await all_gone(pids)
    async with stack(tmp_path) as after:
        await after.ready()
        status, _ = await send(int(after.record["gateway"].rpartition(":")[2]), "GET", "/v1/patient")
        assert status > 0


def addresses(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the addresses of everything."""
    return {name: record[name] for name in ("gateway", "authz", "kafka", "postgres")}


async def test_children_die(tmp_path: Path) -> None:
    """Children that are killed are back where they were, with what they had, whatever they left behind; one
    that keeps dying is given up, and the stack ends with its last lines."""
    async with stack(tmp_path) as running:
        await running.ready()
        before = running.record
        async with Publisher(ProducerOptions(kafka=kafka_of(before))) as publisher:
            await publisher.publish(LIFECYCLE.name, 0, make_numbered(0, 10))
        left = psutil.Process(before["pids"]["postgres"]).children()
        for each in left:
            each.suspend()  # one that is busy does not see either that its parent is gone
        for pid in before["pids"].values():
            os.kill(pid, signal.SIGKILL)
        after = await eventually(running.all_replaced(before["pids"]))
        assert values(await eventually(lambda: patient(kafka_of(after)))) == list(range(10))
        await eventually(lambda: answers(after["gateway"]))
        await eventually(lambda: answers(after["postgres"]))
        assert {**after, "pids": {}} == {**before, "pids": {}}
        every_pid = [*before["pids"].values(), *after["pids"].values(), *(each.pid for each in left)]
        every_pid += await killed_until_given_up(running, "gateway", after["pids"]["gateway"])
        printed = await running.output()
    assert running.process.returncode == 1
    for name in before["pids"]:
        assert f"{name} was killed by SIGKILL; it is started again" in printed
    assert f"gateway was killed by SIGKILL, {DEATHS_MAX} times in 60 s; the last lines of" in printed
    await all_gone(every_pid)


async def killed_until_given_up(running: Running, name: str, pid: int) -> list[int]:
    """Kill a child until it has died as often as it may, and return its process ids."""
    pids = [pid]
    for _ in range(DEATHS_MAX - 2):
        os.kill(pids[-1], signal.SIGKILL)
        record = await eventually(running.all_replaced({name: pids[-1]}))
        pids.append(record["pids"][name])
    os.kill(pids[-1], signal.SIGKILL)
    return pids


async def patient(kafka: KafkaAccess) -> list[Received] | None:
    """Return the records on the lifecycle topic, None while the broker is away."""
    try:
        return await read_all(kafka, LIFECYCLE.name)
    except KafkaFailure:
        return None


async def answers(address: str) -> bool:
    """Tell whether somebody listens at the address."""
    port = urlsplit(address).port
    assert port is not None
    return await listens(port)


async def test_two_stacks(tmp_path: Path) -> None:
    """Two stacks side by side share nothing; the second takes free ports where the first has its own."""
    async with stack(tmp_path / "one") as one, stack(tmp_path / "two") as two:
        await asyncio.gather(one.ready(), two.ready())
        records = one.record, two.record
        ports = [json.loads((tmp_path / name / "ports.json").read_text()) for name in ("one", "two")]
        assert not set(ports[0].values()) & set(ports[1].values())
        assert records[0]["gateway_token"] != records[1]["gateway_token"]
        two.process.send_signal(signal.SIGINT)
        printed = await two.output()
        moved = [name for name, port in ports[1].items() if port != FIRST_PORT + OFFSETS[name]]
        for name in moved:
            assert f"{name} {FIRST_PORT + OFFSETS[name]} → {ports[1][name]}" in printed


async def test_taken_gateway_port(tmp_path: Path) -> None:
    """A requested port that another program has is refused in one line, before anything starts."""
    (port,) = free_ports(1)
    with socket.create_server((HOST, port)):
        async with stack(tmp_path, f"--gateway-port={port}") as refused:
            printed = await refused.output(within_s=START_TIMEOUT_S)
    assert printed == f"port {port} is taken: name another one for the gateway, or leave it out\n"
    assert refused.process.returncode == 1


def test_one_kafka_version() -> None:
    """Kafka's clients have the same version as its server."""
    jars = {artifact(jar): version(jar) for jar in class_path()}
    assert jars["kafka-clients"] == jars["kafka_2.13"] == "4.4.0"
    assert "log4j-slf4j-impl" in jars
