"""`keyfold dead-letter`: records that no service could understand, each with its reason and its origin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from keyfold.cli.command import command
from keyfold.cli.keyfold import Keyfold, say_target
from keyfold.cli.screen import Listing, when
from keyfold.client.endpoints import KAFKA
from keyfold.client.failure import CommandFailed
from keyfold.client.http import JsonObject
from keyfold.client.settings import variable
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.timestamp import format_time
from keyfold.wire.topics import DEAD_LETTER

dead_letters = typer.Typer(no_args_is_help=True, help="Records that no service could understand (operator).")

Newest = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Only this many, the newest.")]


@command(dead_letters, "list")
async def list_letters(keyfold: Keyfold, limit: Newest = 50) -> Listing:
    """List the records on the dead-letter topic, newest first, without their values."""
    if keyfold.endpoints.kafka is None:
        raise CommandFailed(f"Which Kafka? Set {variable(KAFKA)}.")
    say_target(keyfold.endpoints.kafka_at())
    return listing(await _newest(keyfold.endpoints.kafka, limit))


def listing(items: Sequence[JsonObject]) -> Listing:
    """Return what is shown of dead letters."""
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


async def _newest(kafka: KafkaAccess, limit: int) -> Sequence[JsonObject]:
    # Imported here, as every other command would wait for the driver to load and has no use for it.
    from keyfold.kafka.dead_letters.newest import read_newest_letters
    from keyfold.kafka.errors import KafkaFailure

    try:
        letters = await read_newest_letters(kafka, DEAD_LETTER.name, letters_max=limit)
    except KafkaFailure as failure:
        raise CommandFailed(f"The dead letters cannot be read: {failure}") from failure
    return [
        {
            "offset": letter.received.offset,
            "recorded_at": _instant(letter.received.timestamp_ms),
            "reason": letter.reason,
            "origin": f"{letter.topic}[{letter.partition}]@{letter.offset}",
            "type": letter.type,
            "id": letter.id,
        }
        for letter in letters
    ]


def _instant(timestamp_ms: int) -> str | None:
    try:
        return format_time(datetime.fromtimestamp(timestamp_ms / 1000, UTC))
    except (ValueError, OverflowError):
        return None  # its sender's time is outside of the calendar
