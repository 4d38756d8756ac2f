"""A revocation in force, when every process that knew of it is killed."""

from __future__ import annotations

import os
from functools import partial
from typing import TextIO

import pytest

from keyfold.local.sample.record import Sample
from tests.support.chaos.faults.wire import Connection
from tests.support.chaos.owner import Owner, open_session
from tests.support.chaos.stack import ChaosStack
from tests.support.chaos.supervised import READY_WITHIN_S
from tests.support.chaos.traffic import Traffic
from tests.support.eventually import eventually

REQUESTS = 100


@pytest.mark.timeout(180)
async def test_a_revocation_outlives_who_knew_of_it(stack: ChaosStack, sample: Sample) -> None:
    """A gatekeeper that starts without Kafka, and from before the revocation, allows nothing."""
    gatekeeper, kafka, projection = (stack.processes[name] for name in ("gatekeeper", "kafka", "projection"))
    traffic = Traffic(port=stack.authz_port, token=stack.token, sample=sample, mark="outlived")
    connection = Connection(stack.authz_port)
    async with open_session() as session:
        owner = Owner(stack=stack, traffic=traffic, session=session)
        key_id, secret = await owner.create_key()
        await owner.in_force()
        await owner.uses(connection, secret, None)
        async with projection.down():
            await owner.revoke_key(key_id)
            await owner.in_force()
            await owner.uses(connection, secret, "subscriber_key_revoked")
            async with kafka.down():
                with stack.state.logs.joinpath("gatekeeper.log").open() as log:
                    log.seek(0, os.SEEK_END)
                    await gatekeeper.kill()
                    await eventually(partial(_waits_for_kafka, log), within_s=READY_WITHIN_S)
                reasons = await _reasons(traffic, secret)
            await gatekeeper.ready()
            await owner.uses(connection, secret, "subscriber_key_revoked")
        connection.close()
    await stack.ready()

    assert reasons == {"stale"}
    assert traffic.risen == []
    assert owner.wrong == []


async def _reasons(traffic: Traffic, secret: str) -> set[str | None]:
    """Return what a key is told by a gatekeeper that has just been started."""
    connection, reasons = Connection(traffic.port), set[str | None]()
    await connection.open()
    for number in range(REQUESTS):
        answer = await traffic.ask(connection, f"/v1/patient/{traffic.mark}-{number}", secret)
        reasons.add(answer.reason)
    connection.close()
    return reasons


async def _waits_for_kafka(log: TextIO) -> bool:
    return any('"waiting"' in line and "Kafka" in line for line in log)
