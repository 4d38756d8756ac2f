"""A read model that somebody edited: nothing of it is believed until it is built anew."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.replica.state import Replica
from keyfold.runtime.clock import Clock
from keyfold.store.postgres.errors import ReadModelAltered

_PAUSE_MIN_S: Final = 1.0
_PAUSE_FACTOR: Final = 4.0

T = TypeVar("T")

log = structlog.get_logger(__name__)


async def load_unaltered(load: Callable[[], Awaitable[T]], replica: Replica, clock: Clock) -> T:
    """Return what `load` returns, trying again for as long as it raises ReadModelAltered.

    Between two attempts is a second, or four times as long as the last one took if that is longer. The log
    has one error for each difference, not for each attempt.
    """
    while True:
        began_s = clock.monotonic_s()
        try:
            loaded = await load()
        except ReadModelAltered as altered:
            if str(altered) != replica.altered:
                log.error("read_model_altered", difference=str(altered), answer="stale")
            replica.altered = str(altered)
            metrics.READ_MODEL_ALTERED.set(1)
            await asyncio.sleep(max(_PAUSE_MIN_S, _PAUSE_FACTOR * (clock.monotonic_s() - began_s)))
        else:
            if replica.altered is not None:
                log.warning("read_model_whole_again")
            replica.altered = None
            metrics.READ_MODEL_ALTERED.set(0)
            return loaded
