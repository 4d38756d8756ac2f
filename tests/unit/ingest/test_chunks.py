"""How records are split into chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from keyfold.ingest.chunks import split_chunks
from keyfold.ingest.port import Batches
from keyfold.wire.record import Received


def batches(lengths: Mapping[int, int]) -> Batches:
    """Return so many records of each partition."""
    return {at: [_received(at, offset) for offset in range(length)] for at, length in lengths.items()}


def _received(partition: int, offset: int) -> Received:
    return Received(
        topic="t", partition=partition, offset=offset, key=None, value=None, headers=(), timestamp_ms=0
    )


@settings(deadline=None)  # the machine may be busy
@given(
    lengths=st.dictionaries(st.integers(0, 7), st.integers(1, 40), max_size=8), records_max=st.integers(1, 50)
)
def test_chunks_are_everything_in_order(lengths: Mapping[int, int], records_max: int) -> None:
    """Each record is in one chunk, each partition's in order; all chunks but the last are full."""
    whole = batches(lengths)
    cut = list(split_chunks(whole, records_max))
    joined: dict[int, Sequence[Received]] = {}
    for chunk in cut:
        for partition, records in chunk.items():
            joined[partition] = [*joined.get(partition, ()), *records]
    assert joined == whole
    sizes = [sum(map(len, chunk.values())) for chunk in cut]
    assert sizes[:-1] == [records_max] * (len(sizes) - 1)
    assert all(0 < size <= records_max for size in sizes[-1:])
