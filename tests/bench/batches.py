"""Work in batches of one size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in order, this many at a time."""
    for first in range(0, len(items), size):
        yield items[first : first + size]
