"""What was read, cut into portions that one transaction files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from keyfold.wire.record import Received

Batches: TypeAlias = Mapping[int, Sequence[Received]]
"""Records by their partition, in their order."""


def portions(batches: Batches, records_max: int) -> Iterator[Batches]:
    """Yield all records, no more than so many at a time, each partition's in their order."""
    portion: dict[int, Sequence[Received]] = {}
    room = records_max
    for partition, records in batches.items():
        first = 0
        while first < len(records):
            portion[partition] = records[first : first + room]
            first += len(portion[partition])
            room -= len(portion[partition])
            if room == 0:
                yield portion
                portion, room = {}, records_max
    if portion:
        yield portion
