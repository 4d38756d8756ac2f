"""`keyfold dead-letter`: records that nobody could understand, each with its reason and its origin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from libs.wire.record import Received
from libs.wire.timestamp import format_time
from libs.wire.topics import DEAD_LETTER
from services.cli.client import JsonObject
from services.cli.command import command
from services.cli.failure import CommandFailed
from services.cli.keyfold import Keyfold, say_target
from services.cli.places import KAFKA
from services.cli.screen import Listing, when
from services.cli.settings import variable

dead_letters = typer.Typer(no_args_is_help=True, help="Records that nobody could understand (operator).")

PARTITION: Final = 0  # the topic has no other

Newest = Annotated[int, typer.Option("--limit", min=1, max=1000, help="The newest so many.")]


@command(dead_letters, "list")
async def list_letters(keyfold: Keyfold, limit: Newest = 50) -> Listing:
    """List what is on the dead-letter topic, newest first, without the records' values."""
    if keyfold.places.kafka_bootstrap is None:
        raise CommandFailed(f"Which Kafka? Set {variable(KAFKA)}.")
    say_target(keyfold.places.kafka_at())
    letters = await _newest(keyfold.places.kafka_bootstrap, limit)
    return listing([_item(letter) for letter in reversed(letters)])


def listing(items: Sequence[JsonObject]) -> Listing:
    """Return dead letters as they are shown."""
    return Listing(
        columns=("offset", "when", "from", "reason"),
        rows=[
            (str(item["offset"]), when(item["recorded_at"]), str(item["origin"]), str(item["reason"]))
            for item in items
        ],
        items=items,
        empty="Everything was understood.",
        prose=("reason",),
    )


async def _newest(bootstrap: str, limit: int) -> list[Received]:
    # Only here, because every other command would wait for the driver to load and has no use for it.
    from libs.kafka.errors import KafkaFailure
    from libs.kafka.partition_reader import PartitionReader

    try:
        async with PartitionReader(bootstrap, DEAD_LETTER.name, PARTITION, offset=0) as reader:
            end = await reader.end_offset()
        letters: list[Received] = []
        start = max(0, end - limit)
        async with PartitionReader(bootstrap, DEAD_LETTER.name, PARTITION, offset=start) as reader:
            while reader.next_offset < end:
                letters += await reader.read(records_max=end - reader.next_offset)
        return letters
    except KafkaFailure as failure:
        raise CommandFailed(f"The dead letters cannot be read: {failure}") from failure


def _item(letter: Received) -> JsonObject:
    said = {name: value.decode(errors="replace") for name, value in letter.headers}
    topic, partition, offset = (said.get(f"keyfold_dead_{part}") for part in ("topic", "partition", "offset"))
    return {
        "offset": letter.offset,
        "recorded_at": _instant(letter.timestamp_ms),
        "reason": said.get("keyfold_dead_reason"),
        "origin": f"{topic}[{partition}]@{offset}",
        "type": said.get("ce_type"),
        "id": said.get("ce_id"),
    }


def _instant(timestamp_ms: int) -> str | None:
    try:
        return format_time(datetime.fromtimestamp(timestamp_ms / 1000, UTC))
    except (ValueError, OverflowError):
        return None  # whoever sent it has put it outside of the calendar
