"""Patience with what is away for a while: the same call again, until it succeeds or fails otherwise."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

_FIRST_PAUSE_S = 0.1
_PAUSE_MAX_S = 2.0

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Patience:
    """Tries again with growing pauses; `trouble` says what is being waited for, None while all is well."""

    def __init__(self) -> None:
        self.trouble: str | None = None

    async def insist(self, what: str, call: Callable[[], Awaitable[T]], on: tuple[type[Exception], ...]) -> T:
        """Return what the call returns, however often it raises one of `on` first."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                result = await call()
            except on as away:
                self.trouble = f"{what} is away"
                log.warning("waiting", what=what, reason=str(away) or type(away).__name__)
            else:
                self.trouble = None
                return result
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_MAX_S)
