"""Ports that a test of a stack has to itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count

import pytest

from keyfold.local.process.ports import claim
from keyfold.local.stack_ports import FIRST_PORT, OFFSETS


@pytest.fixture
def first_port() -> Iterator[int]:
    """Return the first port of a free block, which no other test's stack uses, even between two starts."""
    block = len(OFFSETS) + 2
    for first in count(FIRST_PORT + block, block):
        with ExitStack() as claims:
            held = [claims.enter_context(each) for each in map(claim, range(first, first + block)) if each]
            if len(held) == block:
                for each in held[:-1]:  # the last one says that the block is had
                    each.close()
                yield first
                return
