"""Denials per minute, vendor and reason, as lines of JSON: `denials_per_vendor.py HOST:PORT [TOPIC [FILE]]`.

Plain aiokafka and SQLite, without Keyfold's code. With a FILE it goes on where it stopped. The hard parts:
- A kill must neither lose nor repeat: counts and positions change in one transaction, Kafka commits nothing.
- A record may come twice. In a partition each run of a gatekeeper counts `seq` upwards, and repeats begin
  again further back. So a `seq` not above the highest so far is a repeat: one number per run, no set of ids.
- An event may be days late and stand for many `requests`: they count in its own minute, which never closes.
"""

import asyncio
import json
import sqlite3
import sys
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from kafka_login import READING

OURS = ("ce_type", b"keyfold.access.decided")
TABLES = """
    create table if not exists place (part primary key, following);
    create table if not exists highest (part, run, seq, primary key (part, run));
    create table if not exists denial (minute, vendor, reason, denials, unique (minute, vendor, reason))"""
RISE = "insert into highest values (?, ?, ?) on conflict do update set seq = ?3 where ?3 > seq"
COUNT = "insert into denial values (?1, ?2, ?3, ?4) on conflict do update set denials = denials + ?4"


def count(database: sqlite3.Connection, record: ConsumerRecord) -> None:
    """Count a denial unless it is a repeat; skip what cannot be understood."""
    with suppress(ValueError, KeyError, TypeError):
        event = json.loads(record.value if OURS in record.headers else b"")
        is_new = database.execute(RISE, (record.partition, event["gatekeeper"], event["seq"])).rowcount
        if is_new and event["decision"] == "deny":
            vendor, requests = event["vendor_id"] or "unknown", event.get("requests", 1)
            database.execute(COUNT, (event["at"][:16], vendor, event["reason"], requests))


async def follow(bootstrap: str, topic: str, database: sqlite3.Connection) -> None:
    """Count what every partition holds now, from the positions in the database."""
    places = dict(database.execute("select part, following from place"))
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, **READING) as consumer:
        for part, oldest in (await consumer.beginning_offsets(consumer.assignment())).items():
            if (first := places.get(part.partition, oldest)) < oldest:
                print(f"past retention: {part}, offsets {first} to {oldest - 1}", file=sys.stderr)
            consumer.seek(part, max(first, oldest))
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(part) < end for part, end in ends.items()]):
            for part, batch in (await consumer.getmany(timeout_ms=500)).items():
                with database:  # one transaction
                    for record in batch:
                        count(database, record)
                    database.execute("replace into place values (?, ?)", (part.partition, record.offset + 1))


if __name__ == "__main__":
    bootstrap, topic, file = [*sys.argv[1:], *["keyfold.access.v1", ":memory:"][len(sys.argv) - 2 :]]
    (database := sqlite3.connect(file)).executescript(TABLES)
    asyncio.run(follow(bootstrap, topic, database))
    for row in database.execute("select minute, vendor, reason, denials from denial order by 1, 2, 3"):
        print(json.dumps(dict(zip(("minute", "vendor", "reason", "denials"), row, strict=True))))
