"""Splits what was read into chunks, each for one write."""

from collections.abc import Iterator, Sequence

from keyfold.ingest.port import Batches
from keyfold.wire.record import Received


def split_chunks(batches: Batches, records_max: int) -> Iterator[Batches]:
    """Yield all records, at most `records_max` at a time, each partition's in order."""
    chunk: dict[int, Sequence[Received]] = {}
    room = records_max
    for partition, records in batches.items():
        first = 0
        while first < len(records):
            chunk[partition] = records[first : first + room]
            first += len(chunk[partition])
            room -= len(chunk[partition])
            if room == 0:
                yield chunk
                chunk, room = {}, records_max
    if chunk:
        yield chunk
