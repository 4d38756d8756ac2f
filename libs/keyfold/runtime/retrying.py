"""Trying a call again, with growing pauses, until it succeeds or fails for another reason."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

_FIRST_PAUSE_S: Final = 0.1
_PAUSE_MAX_S: Final = 2.0

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Backoff:
    """The pauses between attempts: each twice as long as the last, up to a bound."""

    def __init__(self) -> None:
        self._pause_s = _FIRST_PAUSE_S

    async def pause(self, at_most_s: float = math.inf) -> None:
        """Sleep for the next pause, or for `at_most_s` if that is shorter."""
        await asyncio.sleep(min(self._pause_s, at_most_s))
        self._pause_s = min(2 * self._pause_s, _PAUSE_MAX_S)


class Patience:
    """Tries again for as long as it takes; `trouble` says what it waits for, None while all is well."""

    def __init__(self) -> None:
        self.trouble: str | None = None

    async def retry(
        self, what: str, call: Callable[[], Awaitable[T]], *, on: tuple[type[Exception], ...]
    ) -> T:
        """Return what the call returns, however often it raises one of `on` first; it calls `what` away."""
        backoff = Backoff()
        try:
            while True:
                try:
                    return await call()
                except on as away:
                    self.trouble = f"{what} is away"
                    log.warning("waiting", what=what, reason=str(away) or type(away).__name__)
                await backoff.pause()
        finally:
            self.trouble = None  # whatever else the call raised is no wait
