"""`keyfold up`: start the stack, say how to use it, and stay until told to stop or a child is given up."""

from __future__ import annotations

import asyncio
import contextlib
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
from keyfold.local.stack_ports import StackPorts, WantedPorts, stack_ports
from keyfold.local.state import StateDir
from keyfold.local.welcome import welcome
from keyfold.runtime import log as logs

Seed = Callable[[Endpoints, Callable[[str], None]], Awaitable[Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `keyfold up` was asked for. `seed` makes the sample; None for a stack without one."""

    directory: Path
    ports: WantedPorts = field(default_factory=WantedPorts)
    services: Sequence[ServiceSpec] = SERVICE_SPECS
    seed: Seed | None = ensure_sample


async def up(options: Options, console: Console) -> None:
    """Run a stack until SIGINT or SIGTERM.

    Raises CannotRunHere, or ChildFailed when a child could not be started, or was given up; by then
    everything is stopped.
    """
    require_extra()
    state = StateDir(options.directory)
    progress = StartupProgress(console=console)
    with state.held(), _log_in(state.logs / "up.log"):
        state.withdraw()  # an earlier stack that was killed could not
        end_leftovers(state.children)
        with stack_ports(state.path, options.ports) as ports:
            _tell_taken(ports, progress)
            family = Supervisor(state.children, progress)
            stack = Stack(
                state=state, progress=progress, family=family, ports=ports, services=options.services
            )
            try:
                await _run(stack, options.seed, console)
            finally:
                state.withdraw()
                with progress.step("stopped"):
                    await stack.stop()


@contextlib.contextmanager
def _log_in(path: Path) -> Iterator[None]:
    """Keep what libraries and ours log off the screen: clients grumble while servers come and go."""
    with path.open("a") as stream:
        logs.configure(service="up", level="warning", style="json", stream=stream)
        yield


def _tell_taken(ports: StackPorts, progress: StartupProgress) -> None:
    if ports.taken:
        moved = ", ".join(f"{name} {port} → {ports[name]}" for name, port in ports.taken.items())
        progress.warn(f"taken, so a free port instead: {moved}")


async def _run(stack: Stack, seed: Seed | None, console: Console) -> None:
    told_to_stop = _told_to_stop()
    life = asyncio.create_task(_live(stack, seed, console), name="life")
    end = asyncio.create_task(stack.family.given_up(), name="end")
    stop = asyncio.create_task(told_to_stop.wait(), name="stop")
    try:
        await asyncio.wait({life, end, stop}, return_when=asyncio.FIRST_COMPLETED)
        if end.done() and not stop.done():
            raise ChildFailed(end.result())
        if life.done():
            await _unwrapped(life)
    finally:
        for task in (life, end, stop):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):  # whatever counts was raised above
            await life


async def _live(stack: Stack, seed: Seed | None, console: Console) -> None:
    await stack.start()
    sample = None
    if seed is not None:
        with stack.progress.step("sample practice"):
            sample = await seed(stack.endpoints(), stack.progress.warn)
            LocalPeopleFile(stack.state.path).prepare(sample)
    record = stack.record()
    stack.family.on_restart = lambda: stack.state.publish({**record, "pids": stack.family.pids})
    stack.family.on_restart()
    console.print(welcome(record, sample, stack.state.path), soft_wrap=True)
    with contextlib.suppress(ChildFailed, KafkaFailure):  # a later start is slower, and that is all
        await kafka.train(stack.state.path / "kafka-training")
    await asyncio.Event().wait()


async def _unwrapped(life: asyncio.Task[None]) -> None:
    try:
        await life
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


def _told_to_stop() -> asyncio.Event:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    return told
