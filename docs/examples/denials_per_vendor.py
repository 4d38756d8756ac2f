"""Denials per minute, vendor and reason, as lines of JSON: `denials_per_vendor.py HOST:PORT [TOPIC]`.

Plain aiokafka and none of Keyfold's code: a record is a CloudEvents 1.0 message in binary mode, its value the
event's JSON, its headers `ce_…` the attributes. It reads what the topic holds now. What to know:
- A record may come twice, always with the same `ce_source` and `ce_id`: drop duplicates by the two together.
- One key's events are in order, there is none among keys. So count by the event's own `at`, not by arrival.
- `vendor_id` is null where no vendor key was proven: a header that merely claims one is no proof.
- A program that runs on keeps its counts and its positions in one transaction of its own database, and seeks
  there when it starts: then a kill neither loses nor repeats anything.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, ConsumerRecord

ACCESS_TOPIC = "keyfold.access.v1"
ACCESS_TYPE = b"keyfold.access.decided"


async def records(bootstrap: str, topic: str) -> AsyncIterator[ConsumerRecord]:
    """Yield what every partition holds now, from its beginning."""
    # Without a group the consumer reads all partitions and commits nothing: it can be run again at any time.
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                for record in batch:
                    yield record


async def denials(bootstrap: str, topic: str) -> Counter[tuple[str, str, str]]:
    """Count denials by minute, vendor and reason, each event once."""
    counts: Counter[tuple[str, str, str]] = Counter()
    seen = set()
    async for record in records(bootstrap, topic):
        headers = dict(record.headers)
        if headers.get("ce_type") != ACCESS_TYPE:
            continue
        identity = (headers["ce_source"], headers["ce_id"])
        event = json.loads(record.value)
        if identity not in seen and event["decision"] == "deny":
            counts[event["at"][:16], event["vendor_id"] or "unknown", event["reason"]] += 1
        seen.add(identity)
    return counts


def main() -> None:
    """Print the counts, oldest minute first."""
    bootstrap, topic = [*sys.argv[1:], ACCESS_TOPIC][:2]
    for (minute, vendor, reason), count in sorted(asyncio.run(denials(bootstrap, topic)).items()):
        print(json.dumps({"minute": minute, "vendor": vendor, "reason": reason, "denials": count}))


if __name__ == "__main__":
    main()
