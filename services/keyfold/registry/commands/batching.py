"""Group commit: what arrives while a batch is worked on waits, and the next batch takes all of it.

Of more than a batch holds, it takes one item of each sharer in turn.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from keyfold.runtime.failure import TryLater

BATCH_MAX = 64
WAITING_MAX = 2048
SHARERS_WAITING_MAX = 512
"""How many items of one sharer wait: the rest of the room is for others."""

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
    `apart_by`, unless that is None. Whoever has a thousand items waiting delays the next item of another
    `shared_by` by one batch.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        apart_by: Callable[[T], Hashable | None],
        shared_by: Callable[[T], Hashable],
    ) -> None:
        self._work = work
        self._apart_by = apart_by
        self._shared_by = shared_by
        # By sharer, in the order in which it is their turn; each has something waiting.
        self._waiting: dict[Hashable, deque[_QueuedItem[T, R]]] = {}
        self._how_many = 0
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Return the item's result once its batch is done. Raises what the work raised, or TooManyWait."""
        sharer = self._shared_by(item)
        if len(self._waiting.get(sharer, ())) >= SHARERS_WAITING_MAX:
            raise TooManyWait(f"{SHARERS_WAITING_MAX} commands of one tenant wait already")
        if self._how_many >= WAITING_MAX:
            raise TooManyWait(f"{WAITING_MAX} commands wait already")
        waiting: _QueuedItem[T, R] = _QueuedItem(item, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(sharer, deque()).append(waiting)
        self._how_many += 1
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
            each = self._pop_next()
            if each.result.cancelled():
                continue  # its caller has gone, and nobody has begun with it
            mark = self._apart_by(each.item)
            (put_off if mark is not None and mark in marks else taken).append(each)
            marks.add(mark)
        for each in reversed(put_off):
            self._waiting.setdefault(self._shared_by(each.item), deque()).appendleft(each)
        self._how_many += len(put_off)
        return taken

    def _pop_next(self) -> _QueuedItem[T, R]:
        sharer = next(iter(self._waiting))
        items = self._waiting.pop(sharer)
        each = items.popleft()
        self._how_many -= 1
        if items:
            self._waiting[sharer] = items  # behind all others
        return each

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
