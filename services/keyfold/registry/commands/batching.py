"""Group commit: what arrives while a batch is worked on waits, and the next batch takes all of it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from keyfold.runtime.failure import TryLater

BATCH_MAX = 64
WAITING_MAX = 2048

T = TypeVar("T")
R = TypeVar("R")

log = structlog.get_logger(__name__)


class TooManyWait(TryLater):
    """So many wait already that nobody would wait until it is their turn."""


@dataclass(frozen=True, slots=True, eq=False)
class _QueuedItem(Generic[T, R]):
    item: T
    result: asyncio.Future[R]


class Batching(Generic[T, R]):
    """Does the work of many callers in batches, one batch at a time, and tells each caller its own result.

    `work` returns a result for each item, or fails without having done anything, or raises CommitUnknown:
    that is a TryLater and is never tried again here. A batch takes only one of the items with the same
    `apart_by`, unless that is None.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        apart_by: Callable[[T], Hashable | None],
    ) -> None:
        self._work = work
        self._apart_by = apart_by
        self._waiting: deque[_QueuedItem[T, R]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Return the item's result once its batch is done. Raises what the work raised, or TooManyWait."""
        if len(self._waiting) >= WAITING_MAX:
            raise TooManyWait(f"{WAITING_MAX} commands wait already")
        waiting: _QueuedItem[T, R] = _QueuedItem(item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work_off(), name="commands")
        return await waiting.result

    async def _work_off(self) -> None:
        while batch := self._next_batch():
            try:
                await self._settle(batch)
            finally:
                for each in batch:
                    each.result.cancel()  # only where this task itself was cancelled; else it has a result

    def _next_batch(self) -> Sequence[_QueuedItem[T, R]]:
        taken: list[_QueuedItem[T, R]] = []
        put_off: list[_QueuedItem[T, R]] = []
        marks: set[Hashable] = set()
        while self._waiting and len(taken) < BATCH_MAX:
            each = self._waiting.popleft()
            if each.result.cancelled():
                continue  # its caller has gone, and nobody has begun with it
            mark = self._apart_by(each.item)
            (put_off if mark is not None and mark in marks else taken).append(each)
            marks.add(mark)
        self._waiting.extendleft(reversed(put_off))
        return taken

    async def _settle(self, batch: Sequence[_QueuedItem[T, R]]) -> None:
        try:
            results = await self._work([each.item for each in batch])
        except TryLater as failure:
            _fail(batch, failure)
        except Exception as failure:
            await self._settle_apart(batch, failure)
        else:
            for each, result in zip(batch, results, strict=True):
                if not each.result.cancelled():
                    each.result.set_result(result)

    async def _settle_apart(self, batch: Sequence[_QueuedItem[T, R]], failure: Exception) -> None:
        """Find out whose fault it was: the others must not suffer for it."""
        if len(batch) == 1:
            _fail(batch, failure)
            return
        log.warning("batch_taken_apart", items=len(batch), reason=type(failure).__name__)
        for each in batch:
            await self._settle([each])


def _fail(batch: Sequence[_QueuedItem[T, R]], failure: Exception) -> None:
    for each in batch:
        if not each.result.cancelled():
            each.result.set_exception(failure)
