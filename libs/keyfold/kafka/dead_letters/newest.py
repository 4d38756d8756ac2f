"""Reads the newest dead letters, each with what its headers say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keyfold.kafka.dead_letters.record import ORIGIN_OFFSET, ORIGIN_PARTITION, ORIGIN_TOPIC, REASON
from keyfold.kafka.errors import Unavailable
from keyfold.kafka.reader import Reader
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Received

_PARTITION: Final = 0  # the topic has no other
_WITHIN_S: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter with what its headers say; anybody who may write to the topic could have written them."""

    received: Received
    reason: str | None
    topic: str | None
    partition: str | None
    offset: str | None
    type: str | None
    id: str | None

    @classmethod
    def of(cls, received: Received) -> Letter:
        """Read the headers; if one is there twice, the last one counts, which is ours."""
        headers = {name: value.decode(errors="replace") for name, value in received.headers}
        return cls(
            received=received,
            reason=headers.get(REASON),
            topic=headers.get(ORIGIN_TOPIC),
            partition=headers.get(ORIGIN_PARTITION),
            offset=headers.get(ORIGIN_OFFSET),
            type=headers.get("ce_type"),
            id=headers.get("ce_id"),
        )


async def read_newest_letters(
    kafka: KafkaAccess, topic: str, *, letters_max: int, before: int | None = None, client_id: str = "keyfold"
) -> Sequence[Letter]:
    """Return the newest dead letters, newest first; with `before`, the newest before that offset.

    Raises Unavailable, also if it takes too long, KafkaMisconfigured or RecordsGone.
    """
    try:
        async with (
            asyncio.timeout(_WITHIN_S),
            Reader(kafka, topic, {_PARTITION: 0}, client_id=client_id) as reader,
        ):
            return await _read_newest(reader, letters_max, before)
    except TimeoutError as late:
        raise Unavailable(f"{topic} could not be read within {_WITHIN_S:g} s") from late


async def _read_newest(reader: Reader, letters_max: int, before: int | None) -> Sequence[Letter]:
    end = (await reader.end_offsets())[_PARTITION]
    first = (await reader.first_offsets(frozenset({_PARTITION})))[_PARTITION]
    end = end if before is None else min(end, before)
    start = max(first, end - letters_max)
    await reader.assign({_PARTITION: start})
    letters: list[Letter] = []
    while (wanted := end - reader.positions[_PARTITION]) > 0:
        found = await reader.read(wanted)
        letters += map(Letter.of, found.get(_PARTITION, ()))
    return letters[::-1]
