"""Runs a service as its own module does, one life after another, each struck at a point that it is told.

    python -m tests.support.chaos.faults.mortal shipper

Reads a life from each line of its input: {"point": 3, "passage": 1, "signal": 9}, where `point` is the number
of a fault point, or null. Says the process id of the life, and when it has ended, which signal did that. All
lives end with the input. Each is a fork of a process that has imported the service and done nothing yet, for
importing takes ten times as long as everything that is to be tested.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import runpy
import select
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial, wraps
from itertools import count
from operator import attrgetter
from typing import NoReturn, cast

import orjson

from tests.support.chaos.faults.fault_points import OF_SERVICE, FaultPoint, Moment

# By then a request is on its way, and its answer is not there.
TURNS = 3

Call = Callable[..., object]
Strike = Callable[[], None]


def main() -> None:
    """Run lives until there is no more input."""
    service = sys.argv[1]
    path = importlib.import_module(f"keyfold.{service}.__main__").__file__
    assert path is not None
    while line := sys.stdin.readline():
        life = orjson.loads(line)
        child = os.fork()
        if child == 0:
            _live(service, path, life)
        _say(child)
        _say(_end_of(child))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _live(service: str, path: str, life: Mapping[str, int | None]) -> NoReturn:
    # The pipes are its parent's; what it says goes where its parent's log is.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    match life:
        case {"point": int(point), "passage": int(passage), "signal": int(number)}:
            install(OF_SERVICE[service][point], passage, number)
    runpy.run_path(path, run_name="__main__")
    sys.exit("the service has returned")


def _end_of(child: int) -> int:
    """Return the signal that ended the child, or 0; the child does not outlive this process."""
    ended = os.pidfd_open(child)
    ready, _, _ = select.select([ended, sys.stdin], [], [])
    if ended not in ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(ended)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def install(point: FaultPoint, passage: int, number: int) -> None:
    """Have this process struck by a signal when it passes the point for that time.

    Raises AttributeError if there is no such function any more.
    """
    module, _, path = point.target.partition(":")
    place, _, name = path.rpartition(".")
    owner = importlib.import_module(module)
    if place:
        owner = attrgetter(place)(owner)
    original: Call = getattr(owner, name)
    setattr(owner, name, _mortal(original, point, passage, partial(os.kill, os.getpid(), number)))


def _mortal(original: Call, point: FaultPoint, passage: int, strike: Strike) -> Call:
    passages = count(1)

    def is_due(moment: Moment, arguments: Sequence[object]) -> bool:
        # A call that fails has no moment after it.
        if moment is not point.moment:
            return False
        return _is_meant(point, arguments) and next(passages) == passage

    @wraps(original)
    def call(*args: object, **kwargs: object) -> object:
        if is_due(Moment.BEFORE, args):
            strike()
        returned = original(*args, **kwargs)
        if is_due(Moment.AFTER, args):
            strike()
        return returned

    @wraps(original)
    async def call_async(*args: object, **kwargs: object) -> object:
        if is_due(Moment.BEFORE, args):
            strike()
        if is_due(Moment.DURING, args):
            return await _struck_during(original, args, kwargs, strike)
        returned = await cast(Awaitable[object], original(*args, **kwargs))
        if is_due(Moment.AFTER, args):
            strike()
        return returned

    return call_async if inspect.iscoroutinefunction(original) else call


def _is_meant(point: FaultPoint, arguments: Sequence[object]) -> bool:
    if point.saying and not any(point.saying in each for each in arguments if isinstance(each, str)):
        return False
    return not point.within or any(name == point.within for name in _callers())


def _callers() -> Iterator[str]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame.f_code.co_qualname
        frame = frame.f_back


async def _struck_during(
    original: Call, args: Sequence[object], kwargs: Mapping[str, object], strike: Strike
) -> object:
    if "records" in kwargs:
        kwargs = {**kwargs, "records": _struck_half_way(kwargs["records"], strike)}
        return await cast(Awaitable[object], original(*args, **kwargs))
    asked = asyncio.ensure_future(cast(Awaitable[object], original(*args, **kwargs)))
    for _ in range(TURNS):
        await asyncio.sleep(0)
    strike()
    return await asked


def _struck_half_way(records: object, strike: Strike) -> Iterator[object]:
    """Yield what a COPY takes."""
    all_records = list(cast(Iterable[object], records))
    for number, record in enumerate(all_records):
        if number == len(all_records) // 2:
            strike()
        yield record


if __name__ == "__main__":
    main()
