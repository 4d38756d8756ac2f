"""Connections of shipper and audit service that are cut in the middle of a message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import pytest

from keyfold.local.process.ports import HOST, free_ports
from tests.support.chaos.faults.proxy import Cut, Proxy, Towards
from tests.support.chaos.hosts import audit, by_port, shipper
from tests.support.chaos.journalling import Journalling
from tests.support.chaos.reckoning import Reckoning
from tests.support.chaos.stack import ChaosStack

# What a batch of events, a request for more, the filing of a batch and its end say.
SHIPPED, ASKED, FILED, ENDED = b"event_id", b"keyfold-audit", b'COPY "access_log"', b"COMMIT"
KAFKA: Final = (
    Cut(said=SHIPPED, towards=Towards.SERVER, bytes_more=500),
    Cut(said=SHIPPED, towards=Towards.CLIENT),
    Cut(said=ASKED, towards=Towards.CLIENT, bytes_more=500),
    Cut(said=SHIPPED, towards=Towards.SERVER),
    Cut(said=SHIPPED, towards=Towards.CLIENT, bytes_more=20),
    Cut(said=ASKED, towards=Towards.CLIENT, bytes_more=20),
    Cut(said=ASKED, towards=Towards.SERVER, bytes_more=5),
)
POSTGRESQL: Final = (
    Cut(said=FILED, towards=Towards.SERVER, bytes_more=1500),
    Cut(said=ENDED, towards=Towards.CLIENT),
    Cut(said=FILED, towards=Towards.CLIENT),
    Cut(said=FILED, towards=Towards.SERVER, bytes_more=60),
    Cut(said=ENDED, towards=Towards.SERVER),
    Cut(said=ENDED, towards=Towards.CLIENT, bytes_more=5),
)
CUTS: Final = 60


@pytest.mark.timeout(180 + 5 * CUTS)
async def test_connections_cut_half_way(
    stack: ChaosStack,
    reckoning: Reckoning,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Whatever was in flight when a connection was cut, each event is in the log once."""
    to_kafka, to_postgres = Proxy(server_port=stack.kafka.second_port), Proxy(server_port=stack.postgres.port)
    kafka_port, [postgres_port] = stack.kafka.proxy_port, free_ports(1)
    kafka = f"{HOST}:{kafka_port}"
    dsn = by_port(stack.logins.dsns(stack.postgres)["audit"], postgres_port)
    journals = {name: Journalling(root=tmp_path, mark=f"cut-{name}") for name in ("Kafka", "PostgreSQL")}
    async with (
        to_kafka.listening(kafka_port),
        to_postgres.listening(postgres_port),
        shipper(stack, tmp_path, KAFKA_BOOTSTRAP=kafka) as ships,
        audit(stack, KAFKA_BOOTSTRAP=kafka, POSTGRES_DSN=dsn) as files,
    ):
        await ships.begin()
        await files.begin()
        for journal, proxy, cuts in zip(
            journals.values(), (to_kafka, to_postgres), (KAFKA, POSTGRESQL), strict=True
        ):
            async with journal.flowing():
                for each in islice(cycle(cuts), CUTS):
                    await reckoning.goes_on()
                    await proxy.cut(each)
        await reckoning.settled(*journals.values())
        report = await reckoning.report()
    for (name, journal), proxy in zip(journals.items(), (to_kafka, to_postgres), strict=True):
        count = await reckoning.check(journal, report)
        record_property("connections cut half way", {"to": name, "cuts": proxy.cuts} | asdict(count))
