"""A stream of a real audit process that is killed while it files and tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import aiohttp

from keyfold.domain.ids import AccountId, KeyId
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.topics import ensure_topics
from keyfold.local.process.child import Child
from keyfold.local.process.fork_server import ForkServer
from keyfold.local.process.ports import free_ports
from keyfold.local.service_specs import SERVICES, Wiring, service_command
from keyfold.local.signing import Claims, LocalSigner
from keyfold.local.stack import answers_ready
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.health import Health
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.access.codec import access_record, encode_access_event
from keyfold.wire.topics import ACCESS
from tests.support.access_events import access_event
from tests.support.audit.log import number
from tests.support.audit.sse import Listener, listening
from tests.support.runtime.serving import Client
from tests.support.state_secret import write_state_secret

AUDIT = next(spec for spec in SERVICES if spec.name == "audit")
ACCOUNT_ID = AccountId("acc_streamed")
PATH = f"/v1/accounts/{ACCOUNT_ID}/activity"
EVENTS, EVENTS_AT_ONCE = 600, 5
EVENTS_BEFORE = 100
READY_TIMEOUT_S = 60.0
OFTEN_ALIVE = {"KEYFOLD_AUDIT_STREAM_HEARTBEAT_S": "0.5"}


@asynccontextmanager
async def audit_process(wiring: Wiring) -> AsyncIterator[tuple[Child, int]]:
    """Start one, and yield it with its port."""
    (port,) = free_ports(1)
    command = service_command(AUDIT, wiring, port)
    child = await Child.spawn(replace(command, env={**command.env, **OFTEN_ALIVE}))
    try:
        yield child, port
    finally:
        await child.kill()


async def test_a_killed_process_neither_skips_nor_repeats(
    database: str, kafka_access: KafkaAccess, tmp_path: Path, fork_server: ForkServer
) -> None:
    """A reader whose process was killed goes on at another one behind the last event that it read whole."""
    signer = LocalSigner(tmp_path)
    signer.prepare()
    wiring = replace(_wiring(database, kafka_access, tmp_path), fork_server=fork_server)
    claims = Claims(role="owner", sub="otto", account_id=ACCOUNT_ID)
    token = signer.sign(claims, now=SYSTEM_CLOCK.now(), ttl_s=300)
    async with (
        audit_process(wiring) as (first, first_port),
        audit_process(wiring) as (second, second_port),
        aiohttp.ClientSession() as session,
    ):
        await asyncio.gather(_ready(first, first_port), _ready(second, second_port))
        client = partial(Client, session=session, health=Health())
        heard: list[int] = []
        async with listening(client(port=first_port), PATH, token=token) as listener:
            publishing = asyncio.create_task(_publish(kafka_access))
            heard += await listener.numbers(EVENTS_BEFORE)
            killing = asyncio.create_task(first.kill())
            after = await _to_the_end(listener, heard)
        await killing
        assert len(heard) < EVENTS
        async with listening(client(port=second_port), PATH, token=token, after=after) as listener:
            heard += await listener.numbers(EVENTS - len(heard))
            await publishing
            assert await listener.heartbeat() == "alive"
        assert sorted(heard) == list(range(1, EVENTS + 1))


async def _ready(child: Child, port: int) -> None:
    await child.ready(lambda: answers_ready(port), timeout_s=READY_TIMEOUT_S)


async def _to_the_end(listener: Listener, heard: list[int]) -> str:
    """Read until the process is gone, and return the id of the last event that came whole."""
    while True:
        after = listener.last_event_id
        try:
            event = await listener.block()
        except (EOFError, aiohttp.ClientError):
            return after
        if event is not None:
            heard.append(number(event["event_id"]))


async def _publish(kafka: KafkaAccess) -> None:
    """Publish events as a shipper does, a few at a time, of several keys."""
    await ensure_topics(kafka, [ACCESS])
    now = SYSTEM_CLOCK.now()
    async with Publisher(ProducerOptions(kafka=kafka)) as publisher:
        for first in range(1, EVENTS + 1, EVENTS_AT_ONCE):
            records = [
                access_record(
                    encode_access_event(
                        access_event(
                            each,
                            at=now - timedelta(seconds=each % 7),
                            account_id=ACCOUNT_ID,
                            key_id=KeyId(f"key_{each % 3}"),
                        )
                    )
                )
                for each in range(first, first + EVENTS_AT_ONCE)
            ]
            await publisher.publish(ACCESS.name, first // EVENTS_AT_ONCE % ACCESS.partitions, records)


def _wiring(database: str, kafka_access: KafkaAccess, directory: Path) -> Wiring:
    return Wiring(
        postgres_dsns={AUDIT.name: database},
        kafka_of={AUDIT.name: kafka_access},
        jwks=LocalSigner(directory).jwks_path,
        route_map=directory,
        gateways=directory,
        journal_dir=directory,
        log_dir=directory,
        state_secret=directory,
        audit_secret=write_state_secret(directory),
        idempotency_secret="",
    )
