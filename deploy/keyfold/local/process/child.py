"""A child process that never outlives its parent, and is stopped within a bound."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from keyfold.local.process.ports import is_free

POLL_INTERVAL_S = 0.05
TAIL_LINES = 15
_SHARED = {"PATH", "LANG", "LANGUAGE", "TZ"}
TAIL_BYTES = 16 * 1024


class ChildFailed(Exception):
    """A child ended by itself, or never became ready. The message has its name and its last lines of log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account of the system by its numbers."""

    uid: int
    gid: int


class Running(Protocol):
    """A started process; `asyncio.subprocess.Process` is one."""

    @property
    def pid(self) -> int:
        """The process id, valid until it has ended."""
        ...

    @property
    def returncode(self) -> int | None:
        """The exit status, None while it is not known to have ended; negative for a signal."""
        ...

    async def wait(self) -> int:
        """Return the exit status when it has ended."""
        ...

    def send_signal(self, signal: int) -> None:
        """Send the process a signal. Raises ProcessLookupError if it is gone."""
        ...


class Forks(Protocol):
    """Forks processes from one that has read their modules already."""

    async def fork(self, command: ProcessSpec) -> Running:
        """Run the module that the command names after Python and `-m`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """What to run. Without a `log_path` the process writes to our own output; it listens on `ports`.

    `user` is set when we are root and the program refuses to be. The kernel sends `death_signal` (by default
    `stop_signal`) when we are gone. `stdin` is a file descriptor to read from, by default an empty one.
    A module of ours can be forked by `fork_server`, which is faster.
    """

    name: str
    argv: Sequence[str]
    log_path: Path | None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 8.0
    death_signal: signal.Signals | None = None
    user: User | None = None
    ports: Sequence[int] = ()
    stdin: int = asyncio.subprocess.DEVNULL
    fork_server: Forks | None = None


class Child:
    """A running command."""

    def __init__(self, command: ProcessSpec, process: Running) -> None:
        self._command = command
        self._process = process

    @classmethod
    async def spawn(cls, command: ProcessSpec) -> Child:
        """Start the command in a session of its own, so that a terminal's Ctrl-C reaches the parent alone."""
        with _open_log(command.log_path) as log:
            if command.fork_server is not None:
                return cls(command, await command.fork_server.fork(command))
            process = await asyncio.create_subprocess_exec(
                *leash(command),
                stdin=command.stdin,
                stdout=log,
                stderr=log,
                env={**inherited(command.user), **command.env},
                cwd=command.cwd,
                start_new_session=True,
            )
        return cls(command, process)

    @classmethod
    async def start(
        cls, command: ProcessSpec, probe: Callable[[], Awaitable[bool]], *, timeout_s: float
    ) -> Child:
        """Return the child once it is ready. Raises ChildFailed. On failure or cancellation it is ended."""
        child = await cls.spawn(command)
        try:
            await child.ready(probe, timeout_s=timeout_s)
        except BaseException:
            is_of_no_use = command.death_signal is signal.SIGKILL
            await (child.kill() if is_of_no_use else child.stop())
            raise
        return child

    @property
    def command(self) -> ProcessSpec:
        """What was run."""
        return self._command

    @property
    def name(self) -> str:
        """What the child is called in messages and in `stack.json`."""
        return self._command.name

    @property
    def pid(self) -> int:
        """The process id, valid until the child has ended."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the child has not ended, as far as is known."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Return the exit status when the child has ended; negative for a signal."""
        return await self._process.wait()

    async def ready(self, probe: Callable[[], Awaitable[bool]], *, timeout_s: float | None) -> None:
        """Return when the probe says so and the child itself listens on its ports.

        Raises ChildFailed when the child ends first, or after `timeout_s`; None waits for ever.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not (await probe() and self._has_its_ports()):
                    self.require_running()
                    await asyncio.sleep(POLL_INTERVAL_S)
        except TimeoutError as error:
            raise ChildFailed(self.obituary(f"was not ready after {timeout_s:g} s")) from error

    def require_running(self) -> None:
        """Raise ChildFailed if the child has ended."""
        if self._process.returncode is not None:
            raise ChildFailed(self.obituary(describe_exit(self._process.returncode)))

    def _has_its_ports(self) -> bool:
        """Tell whether the child itself listens: another program may have answered the probe."""
        if not self._command.ports:
            return True
        import psutil  # only here: it is part of the extra, and only the local stack names ports

        try:
            sockets = psutil.Process(self.pid).net_connections("tcp")
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:  # it runs as another user, and we may not look
            return True
        return {each.laddr.port for each in sockets if each.status == psutil.CONN_LISTEN}.issuperset(
            self._command.ports
        )

    def send_signal(self, number: signal.Signals) -> None:
        """Send the child a signal, if it has not ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def stop(self) -> None:
        """Ask the child to end, kill it after `stop_timeout_s`, and return when it is gone."""
        self.send_signal(self._command.stop_signal)
        try:
            async with asyncio.timeout(self._command.stop_timeout_s):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the child and its children at once, as a power cut would, and return when it is gone."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    def obituary(self, what: str) -> str:
        """Return why the child ended: another program has its port, or else its last lines of log."""
        if taken := self._taken_ports():
            return (
                f"{self.name} {what}: port {taken[0]} has been taken by another program. "
                "Start again; a free port is then used instead."
            )
        log_path = self._command.log_path
        if log_path is None:
            return f"{self.name} {what}"
        return f"{self.name} {what}; the last lines of {log_path}:\n{tail(log_path)}"

    def _taken_ports(self) -> list[int]:
        return [] if self.running else [port for port in self._command.ports if not is_free(port)]


def describe_exit(status: int) -> str:
    """Return how a process ended, in words, from the status that `Child.wait` returns."""
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


@contextlib.contextmanager
def _open_log(log_path: Path | None) -> Iterator[BinaryIO | None]:
    if log_path is None:
        yield None
        return
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        yield log


def leash(command: ProcessSpec) -> list[str]:
    """Return arguments that make the kernel end the child when its parent dies, even by kill -9.

    setpriv is part of util-linux. Where it is missing, the next start finds leftovers by their recorded
    process ids.
    """
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    if setpriv is None:
        return list(command.argv)
    death_signal = command.death_signal or command.stop_signal
    return [
        setpriv,
        f"--pdeathsig={death_signal.name.removeprefix('SIG')}",
        *as_user(command.user),
        "--",
        *command.argv,
    ]


def inherited(user: User | None) -> Mapping[str, str]:
    """Return what a child takes over of our environment, which may hold secrets.

    Another user's processes can read each other's: so it gets only where programs are, and how texts are
    written.
    """
    if user is None:
        return os.environ
    return {name: value for name, value in os.environ.items() if name in _SHARED or name.startswith("LC_")}


def as_user(user: User | None) -> list[str]:
    """Return setpriv's options for another user, who has no capability and can get none."""
    if user is None:
        return []
    ids = [f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"]
    return [*ids, "--inh-caps=-all", "--no-new-privs"]


def tail(path: Path) -> str:
    """Return a log's last lines, indented, at most TAIL_LINES of them."""
    if not path.exists():
        return "(no log)"
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-TAIL_LINES:])
