"""Store the access topic as Parquet and query it: `land_parquet.py HOST:PORT DIRECTORY [TOPIC [ROWS]]`.

aiokafka and DuckDB, without Keyfold's code; run one at a time, as often as you like. The hard parts:
- A kill neither loses nor repeats: a file is named `PARTITION-FIRST-NEXT.parquet`, in offsets, and gets that
  name by a rename once it is whole. The names are the positions; no other place can disagree with them.
- Records come late, and twice after a crash, with one `event_id`: the query goes by `at` and drops repeats.
- Only COLUMNS are stored: fields may be added, and personal data (`client_ip`, `path`) need not be deleted.
"""

import asyncio
import os
import sys
from pathlib import Path

import duckdb
from aiokafka import AIOKafkaConsumer
from kafka_login import READING

OURS = ("ce_type", b"keyfold.access.decided")
COLUMNS = {"event_id": "UUID", "at": "TIMESTAMPTZ", "gatekeeper": "VARCHAR", "seq": "BIGINT"}
COLUMNS |= dict.fromkeys(("key_id", "vendor_id", "category", "access", "decision", "reason"), "VARCHAR")
MOST_READ = """
    with event as (select distinct on (event_id) * from read_parquet(?) where "at" > now() - interval 1 day)
    select vendor_id, category, count(*) as reads from event where (decision, access) = ('allow', 'read')
    group by 1, 2 qualify row_number() over (partition by vendor_id order by reads desc, category) = 1"""


def land(lines: list[bytes], file: Path) -> None:
    """Write events as a file that has its name only once it is whole and on the disk."""
    json, landing = file.with_name("events.ndjson"), file.with_name("events.landing")
    json.write_bytes(b"\n".join(lines))
    events = duckdb.read_json(str(json), columns=COLUMNS, format="newline_delimited", ignore_errors=True)
    events.filter("event_id is not null").write_parquet(str(landing), compression="zstd")
    with landing.open("rb") as written:
        os.fsync(written.fileno())
    landing.rename(file)


async def follow(bootstrap: str, topic: str, rows: int, directory: Path, positions: dict[int, int]) -> None:
    """Store what every partition holds now, from where its files end."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, **READING) as consumer:
        oldest = await consumer.beginning_offsets(consumer.assignment())
        for part, end in (await consumer.end_offsets(consumer.assignment())).items():
            if (first := positions.get(part.partition, oldest[part])) < oldest[part]:
                print(f"past retention: {part}, offsets {first} to {oldest[part] - 1}", file=sys.stderr)
            consumer.seek(part, max(first, oldest[part]))
            while await consumer.position(part) < end:
                for batch in (await consumer.getmany(part, timeout_ms=500, max_records=rows)).values():
                    name = f"{part.partition}-{batch[0].offset:020}-{batch[-1].offset + 1:020}.parquet"
                    land([record.value for record in batch if OURS in record.headers], directory / name)


if __name__ == "__main__":
    bootstrap, place, topic, rows = [*sys.argv[1:], *["keyfold.access.v1", "50000"][len(sys.argv) - 3 :]]
    names = sorted(file.stem.split("-") for file in Path(place).glob("*.parquet"))
    positions = {int(part): int(following) for part, _, following in names}  # the last of a partition's files
    asyncio.run(follow(bootstrap, topic, int(rows), Path(place), positions))
    if any(Path(place).glob("*.parquet")):
        print(*duckdb.execute(MOST_READ, [f"{place}/*.parquet"]).fetchall(), sep="\n")
