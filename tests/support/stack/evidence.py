"""Everything that a stack stores and shows, written into a directory to be searched."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import aiohttp
import psutil
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from keyfold.kafka.access import client_options
from keyfold.local.service_specs import SERVICE_SPECS
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.postgres.connection import Connection, open_connection
from tests.support.stack.running import RunningStack

TABLES = """
select quote_ident(nspname) || '.' || quote_ident(relname) as name from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where relkind in ('r', 'p', 'm') and not relispartition
order by 1
"""
BYTEA = """
select quote_ident(attname) as name from pg_attribute
where attrelid = $1::regclass and atttypid = 'bytea'::regtype and attnum > 0 and not attisdropped
"""
VIEWS = ("pg_stat_activity", "pg_settings")


async def gather(stack: RunningStack, directory: Path) -> None:
    """Write down database, topics, metrics, the journal and the command lines of every process."""
    # A segment that has been shipped is removed, so that what is there now need not be there at the end.
    shutil.copytree(stack.state_dir / "journal", directory / "journal")
    async with open_connection(stack.record["postgres"], application_name="test") as connection:
        await _database(connection, directory)
    await _topics(stack.kafka, directory)
    await _metrics(stack, directory)
    family = psutil.Process(stack.process.pid).children(recursive=True)
    lines = [" ".join(each.cmdline()) for each in family]
    (directory / "command-lines").write_text("\n".join(lines))


async def at_the_terminal(stack: RunningStack, account_id: str, directory: Path) -> None:
    """Write down what commands print about all this."""
    commands: Iterable[tuple[str, ...]] = (
        ("status",),
        ("key", "list", "--account", account_id, "--json"),
        ("activity", "--account", account_id, "--json"),
        ("ledger", "verify"),
        ("vendor", "list"),
    )
    for command in commands:
        ended = await stack.keyfold(*command)
        assert ended.status == 0, ended.err
        (directory / f"keyfold {' '.join(command[:2])}").write_text(ended.out + ended.err)


async def _database(connection: Connection, directory: Path) -> None:
    """Write every row of every table of every schema as text, and binary values unchanged too."""
    tables = [row["name"] for row in await connection.fetch(TABLES)]
    for table in (*tables, *VIEWS):
        rows = await connection.fetch(f"select (t.*)::text as row from {table} t")
        (directory / f"table {table}").write_text("\n".join(str(row["row"]) for row in rows))
    for table in tables:
        for column in await connection.fetch(BYTEA, table):
            values = await connection.fetch(f"select {column['name']} as value from {table}")
            content = b"\n".join(row["value"] or b"" for row in values)
            (directory / f"bytes {table}.{column['name']}").write_bytes(content)


async def _topics(kafka: KafkaAccess, directory: Path) -> None:
    """Write the key, the value and the headers of every record of every topic."""
    consumer = AIOKafkaConsumer(**client_options(kafka))
    await consumer.start()
    try:
        for topic, partitions in (await _partitions(kafka)).items():
            consumer.assign(partitions)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(partitions)
            with (directory / f"topic {topic}").open("wb") as file:
                while any([await consumer.position(each) < end for each, end in ends.items()]):
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        file.write(b"\n".join(map(_whole, records)) + b"\n")
    finally:
        await consumer.stop()


async def _partitions(kafka: KafkaAccess) -> Mapping[str, list[TopicPartition]]:
    admin = AIOKafkaAdminClient(**client_options(kafka))
    await admin.start()
    try:
        return {
            topic["topic"]: [
                TopicPartition(topic["topic"], each["partition"]) for each in topic["partitions"]
            ]
            for topic in await admin.describe_topics()
        }
    finally:
        await admin.close()


def _whole(record: ConsumerRecord[bytes, bytes]) -> bytes:
    headers = [part for name, value in record.headers for part in (name.encode(), value)]
    return b"\n".join((record.key or b"", record.value or b"", *headers))


async def _metrics(stack: RunningStack, directory: Path) -> None:
    async with aiohttp.ClientSession() as session:
        for spec in SERVICE_SPECS:
            async with session.get(stack.url(spec.name) + "/metrics") as response:
                assert response.status == 200
                (directory / f"metrics {spec.name}").write_bytes(await response.read())
