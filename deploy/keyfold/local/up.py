"""`keyfold up`: start the stack, say how to use it, and run until a signal, or until a child is given up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from keyfold.client.endpoints import Endpoints
from keyfold.kafka.errors import KafkaFailure
from keyfold.local.extra import require_extra
from keyfold.local.people import LocalPeopleFile
from keyfold.local.process.child import ChildFailed
from keyfold.local.process.progress import StartupProgress
from keyfold.local.process.supervisor import Supervisor, end_leftovers
from keyfold.local.sample.record import Sample
from keyfold.local.sample.seed import ensure_sample
from keyfold.local.servers import kafka
from keyfold.local.service_specs import SERVICE_SPECS, ServiceSpec
from keyfold.local.stack import Stack
from keyfold.local.stack_ports import StackPorts, WantedPorts, hold_stack_ports
from keyfold.local.state import StateDir
from keyfold.local.welcome import welcome
from keyfold.runtime import log as logs

Seed = Callable[[Endpoints, Callable[[str], None]], Awaitable[Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `keyfold up`. `seed` makes the sample; None for a stack without one."""

    directory: Path
    ports: WantedPorts = field(default_factory=WantedPorts)
    services: Sequence[ServiceSpec] = SERVICE_SPECS
    seed: Seed | None = ensure_sample


async def up(options: Options, console: Console) -> None:
    """Run a stack until SIGINT or SIGTERM.

    Raises CannotRunHere, or ChildFailed if a child could not be started or was given up, after everything is
    stopped.
    """
    require_extra()
    os.umask(0o077)  # whatever a child writes, nobody else reads it
    state = StateDir(options.directory)
    progress = StartupProgress(console=console)
    with state.hold(), _log_in(state.logs / "up.log"):
        state.withdraw()  # an earlier stack that was killed could not do so
        end_leftovers(state.children)
        with hold_stack_ports(state.path, options.ports) as ports:
            _report_taken(ports, progress)
            supervisor = Supervisor(state.children, progress)
            stack = Stack(
                state=state, progress=progress, supervisor=supervisor, ports=ports, services=options.services
            )
            try:
                await _run(stack, options.seed, console)
            finally:
                state.withdraw()
                with progress.step("stopped"):
                    await stack.stop()


@contextlib.contextmanager
def _log_in(path: Path) -> Iterator[None]:
    """Log to a file, not to the screen: clients log errors while servers come and go."""
    with path.open("a") as stream:
        logs.configure(service="up", level="warning", style="json", stream=stream)
        yield


def _report_taken(ports: StackPorts, progress: StartupProgress) -> None:
    if ports.taken:
        moved = ", ".join(f"{name} {port} → {ports[name]}" for name, port in ports.taken.items())
        progress.warn(f"taken, so a free port instead: {moved}")


async def _run(stack: Stack, seed: Seed | None, console: Console) -> None:
    told_to_stop = _stop_on_signals()
    life = asyncio.create_task(_live(stack, seed, console), name="life")
    end = asyncio.create_task(stack.supervisor.wait_until_given_up(), name="end")
    stop = asyncio.create_task(told_to_stop.wait(), name="stop")
    try:
        await asyncio.wait({life, end, stop}, return_when=asyncio.FIRST_COMPLETED)
        if end.done() and not stop.done():
            raise ChildFailed(end.result())
        if life.done():
            await _raise_first(life)
    finally:
        for task in (life, end, stop):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):  # what matters was raised above
            await life


async def _live(stack: Stack, seed: Seed | None, console: Console) -> None:
    await stack.start()
    sample = None
    if seed is not None:
        with stack.progress.step("sample practice"):
            sample = await seed(stack.endpoints(), stack.progress.warn)
            LocalPeopleFile(stack.state.path).prepare(sample)
    record = stack.record()
    stack.supervisor.on_restart = lambda: stack.state.publish({**record, "pids": stack.supervisor.pids})
    stack.supervisor.on_restart()
    console.print(welcome(record, sample, stack.state.path), soft_wrap=True)
    with contextlib.suppress(ChildFailed, KafkaFailure):  # without the cache the next start is only slower
        await kafka.train(stack.state.path / "kafka-training")
    await asyncio.Event().wait()


async def _raise_first(life: asyncio.Task[None]) -> None:
    try:
        await life
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


def _stop_on_signals() -> asyncio.Event:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    return told
