"""A process that has the services' modules read, and from which each begins: eight would read the same ones.

What has begun is a process like any other, with an environment, a session and a log of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from keyfold.local.process.child import ChildFailed, ProcessSpec, leashed, tail
from keyfold.local.process.newborn import MESSAGE_BYTES_MAX, Began, Ended, Order

PROGRAM: Final = (sys.executable, "-m", "keyfold.local.process.newborn")
TRIES_MAX: Final = 3
_TOLD: Final = msgspec.json.Decoder(Began | Ended)


class Newborn:
    """A process that was begun so. It offers what `asyncio.subprocess.Process` does."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """The exit status, None while it is not known to have ended."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Return the exit status when it has ended; negative for a signal."""
        return await asyncio.shield(self._ended)

    def send_signal(self, signal: int) -> None:
        """Send it a signal, unless it is known to have ended. Raises ProcessLookupError if it just has."""
        if not self._ended.done():
            os.kill(self.pid, signal)

    def end(self, status: int) -> None:
        """Take note of how it ended."""
        self._ended.set_result(status)


class Nursery:
    """Begins processes. What it begins from is started when it is needed, and again should it be gone."""

    def __init__(self, log_path: Path, program: Sequence[str] = PROGRAM) -> None:
        self._log_path = log_path
        self._program = program
        self._is_closed = False
        self._starting = asyncio.Lock()
        self._root: Process | None = None
        self._line: socket.socket | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._asked: deque[asyncio.Future[Newborn]] = deque()
        self._living: dict[int, Newborn] = {}

    async def warm_up(self) -> socket.socket:
        """Start reading modules, if that has not begun; return before they are read, where to send orders."""
        async with self._starting:
            if self._line is None or self._hearing is None or self._hearing.done():
                await self._end()
                self._line = await self._start()
            return self._line

    async def begin(self, command: ProcessSpec) -> Newborn:
        """Begin a command that is a module of ours. Raises ChildFailed when nothing can, or it is closed."""
        for _ in range(TRIES_MAX):
            if self._is_closed:
                break
            with contextlib.suppress(ConnectionError):  # what it was to begin from is gone: from a new one
                return await self._ordered(command)
        raise ChildFailed(
            f"{command.name} cannot begin; the last lines of {self._log_path}:\n{tail(self._log_path)}"
        )

    async def close(self) -> None:
        """End what processes begin from, and with it those that live yet; return when it is gone."""
        self._is_closed = True
        await self._end()

    async def _ordered(self, command: ProcessSpec) -> Newborn:
        line = await self.warm_up()
        order = Order(
            module=command.argv[2],
            arguments=tuple(command.argv[3:]),
            environment={**os.environ, **command.env},
            directory=str(command.cwd or Path.cwd()),
            log=None if command.log_path is None else str(command.log_path),
            death_signal=command.death_signal or command.stop_signal,
        )
        began: asyncio.Future[Newborn] = asyncio.get_running_loop().create_future()
        self._asked.append(began)
        await asyncio.get_running_loop().sock_sendall(line, msgspec.json.encode(order))
        return await began

    async def _end(self) -> None:
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.gather(self._hearing, return_exceptions=True)
        if self._line is not None:
            self._line.close()
        if self._root is not None:
            with contextlib.suppress(ProcessLookupError):
                self._root.kill()
            await self._root.wait()
        self._root = self._line = self._hearing = None

    async def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        command = ProcessSpec(name="nursery", argv=self._program, log_path=None, death_signal=signal.SIGKILL)
        with theirs, self._log_path.open("ab") as log:
            self._root = await asyncio.create_subprocess_exec(
                *leashed(command), stdin=theirs.fileno(), stdout=log, stderr=log, start_new_session=True
            )
        self._hearing = asyncio.create_task(self._hear(ours), name="nursery")
        return ours

    async def _hear(self, line: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while message := await loop.sock_recv(line, MESSAGE_BYTES_MAX):
                match _TOLD.decode(message):
                    case Began(pid=pid):
                        self._living[pid] = Newborn(pid)
                        asked = self._asked.popleft()
                        if not asked.done():
                            asked.set_result(self._living[pid])
                    case Ended(pid=pid, status=status):
                        self._living.pop(pid).end(status)
        finally:
            self._forget()

    def _forget(self) -> None:
        # The kernel ends them with what they began from.
        for each in self._living.values():
            each.end(-signal.SIGTERM)
        self._living.clear()
        while self._asked:
            if not (asked := self._asked.popleft()).done():
                asked.set_exception(ConnectionError("the process that services begin from is gone"))
