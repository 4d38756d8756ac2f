"""A service's life: read settings, build, start, wait for a signal or a death, drain, close in reverse."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import Final, Generic, NoReturn, TypeVar

import structlog
import uvloop
from aiohttp import web

from keyfold.runtime import log as logs
from keyfold.runtime.clock import SYSTEM_CLOCK, Clock
from keyfold.runtime.collector import leave_modules
from keyfold.runtime.failure import StopProcess, TryLater
from keyfold.runtime.health import Health
from keyfold.runtime.http.listen import serve_http
from keyfold.runtime.settings.base import BadSettings, ServiceSettings, load, mask_secrets, unknown_variables
from keyfold.runtime.sharing.open_files import reserve_files

EXIT_FAILED: Final = 1
EXIT_BAD_SETTINGS: Final = 2
_CLOSE_TIMEOUT_S: Final = 3.0

S = TypeVar("S", bound=ServiceSettings)
R = TypeVar("R")

log = structlog.get_logger(__name__)


class _TaskDied(Exception):
    """A task of the process ended, so all must; the message names it, the cause says why."""

    def __init__(self, task: str) -> None:
        super().__init__(task)
        self.task = task


@dataclass(frozen=True, slots=True, kw_only=True)
class Process(Generic[S]):
    """What a service's start function builds on; what it enters or spawns is undone in reverse order."""

    settings: S
    clock: Clock
    health: Health
    stopping: asyncio.Event
    resources: AsyncExitStack
    tasks: asyncio.TaskGroup
    connections_max: Sequence[int]
    """How many connections each port may hold, in the order of the settings' `connections_wanted`."""

    async def enter(self, resource: AbstractAsyncContextManager[R]) -> R:
        """Open a resource, which is closed when the process stops."""
        return await self.resources.enter_async_context(resource)

    def spawn(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Run ``work`` until the process stops; if it raises, or returns before, the process dies."""
        task = self.tasks.create_task(self._guard(name, work), name=name)
        self.resources.push_async_callback(_cancel, task)

    async def _guard(self, name: str, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            if _is_asked_to_end():
                raise
            # A library leaked a cancellation of its own, and the task would end silently.
            stray = StopProcess("it was cancelled though nobody stopped it")
            raise _TaskDied(name) from stray
        except Exception as error:
            raise _TaskDied(name) from error
        if not self.stopping.is_set():
            raise _TaskDied(name) from StopProcess("it ended though nobody stopped it")

    def hangups(self) -> asyncio.Event:
        """Return an event that is set by each SIGHUP from now on, which asks to read files anew."""
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGHUP, told.set)
        self.resources.callback(loop.remove_signal_handler, signal.SIGHUP)
        return told

    async def serve(self, app: web.Application, *, reuse_port: bool = False) -> int:
        """Serve the application at the settings' address; return the port."""
        settings = self.settings
        return await self.enter(
            serve_http(
                app,
                settings.http_host,
                settings.http_port,
                drain_timeout_s=settings.drain_timeout_s,
                reuse_port=reuse_port,
                connections_max=self.connections_max[0],
                timeouts=settings.timeouts,
            )
        )


def _is_asked_to_end() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    # Its own failure, if any, is the task group's to report.
    await asyncio.wait([task])


Start = Callable[[Process[S]], Awaitable[None]]


def run(name: str, settings_type: type[S], start: Start[S]) -> NoReturn:
    """Run a service to its end and exit: 0 after a signal, 1 after a failure, 2 for bad settings."""
    leave_modules()
    try:
        settings = load(settings_type)
    except BadSettings as bad:
        sys.stderr.write(f"keyfold {name} cannot start; its settings are wrong:\n{bad}\n")
        sys.exit(EXIT_BAD_SETTINGS)
    logs.configure(service=name, level=settings.log_level, style=settings.log_format)
    log.info("service_starting", settings=mask_secrets(settings))
    if unknown := unknown_variables():
        log.warning("settings_unknown", variables=unknown)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(live(settings, start)))


async def live(settings: S, start: Start[S], clock: Clock = SYSTEM_CLOCK) -> int:
    """Start, wait for SIGTERM or SIGINT, and drain. Return the exit status; log each failure in one line."""
    with ExitStack() as bound:
        try:
            async with asyncio.TaskGroup() as tasks, AsyncExitStack() as resources:
                process = Process(
                    settings=settings,
                    clock=clock,
                    health=Health(),
                    stopping=asyncio.Event(),
                    resources=resources,
                    tasks=tasks,
                    connections_max=reserve_files(settings.connections_wanted),
                )
                await _until_stopped(process, start, bound)
        except ExceptionGroup as failures:
            _report(failures)
            return EXIT_FAILED
    log.info("service_stopped")
    return 0


async def _until_stopped(process: Process[S], start: Start[S], bound: ExitStack) -> None:
    _stop_on_signals(process)
    try:
        await start(process)
        log.info("service_started")
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not process.stopping.is_set():
            raise
        _resume()
    finally:
        process.health.drain()
        limit_s = process.settings.drain_timeout_s + _CLOSE_TIMEOUT_S
        bound.callback(asyncio.get_running_loop().call_later(limit_s, _abandon).cancel)
    log.info("service_draining")


def _abandon() -> None:
    # Some clients' own stop can hang for ever. What matters is durable already, so leaving is safe.
    pending = sorted(task.get_name() for task in asyncio.all_tasks())
    log.error("service_abandoned", pending=pending)
    os._exit(EXIT_FAILED)


def _stop_on_signals(process: Process[S]) -> None:
    loop = asyncio.get_running_loop()
    life = asyncio.current_task()

    def stop() -> None:
        # A terminal and a supervisor may both send a signal; a second one must not cut the drain short.
        if life is not None and not process.stopping.is_set():
            process.stopping.set()
            life.cancel()

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop)
        process.resources.callback(loop.remove_signal_handler, each)


def _resume() -> None:
    # The cancellation came from the signal, and has done its work: closing must not be cancelled too.
    if life := asyncio.current_task():
        life.uncancel()


def _report(failures: ExceptionGroup[Exception]) -> None:
    for failure in _leaves(failures):
        task = failure.task if isinstance(failure, _TaskDied) else "start"
        cause = (failure.__cause__ or failure) if isinstance(failure, _TaskDied) else failure
        # What an operator can correct needs no traceback; a bug does.
        expected = isinstance(cause, StopProcess | TryLater)
        log.error(
            "service_failed",
            task=task,
            error=str(cause) or type(cause).__name__,
            exc_info=None if expected else cause,
        )


def _leaves(failures: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for each in failures.exceptions:
        if isinstance(each, ExceptionGroup):
            yield from _leaves(each)
        else:
            yield each
