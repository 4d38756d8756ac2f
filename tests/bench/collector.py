"""The collector of cyclic garbage as services settle theirs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from keyfold.runtime.collector import settle_collector


@contextmanager
def settled_collector() -> Iterator[None]:
    """Settle it within the block: else it would look through all that was made ready for a side.

    It does so for the bare side too.
    """
    thresholds = gc.get_threshold()
    settle_collector()
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
