"""Python's collector of cyclic garbage, told what a service is like through which records go: no cycles."""

import gc
from typing import Final

_OBJECTS_MIN: Final = 100_000


def settle_collector() -> None:
    """Let it leave alone what is here by now, and run seldom.

    Records are gone without it as soon as they are done with. Every 700 objects, as it would otherwise, it
    looks through what is under way for something that is not there, which takes a tenth of the time and more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_MIN)
