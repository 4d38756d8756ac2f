"""Forks services from one process that has imported their modules: eight would each import the same ones.

A forked process is like any other: it has an environment, a session and a log of its own.
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

from keyfold.local.process.child import ChildFailed, ProcessSpec, leash, tail
from keyfold.local.process.fork_program import MESSAGE_BYTES_MAX, Began, Ended, Order

PROGRAM: Final = (sys.executable, "-m", "keyfold.local.process.fork_program")
TRIES_MAX: Final = 3
_ANSWERS: Final = msgspec.json.Decoder(Began | Ended)


class ForkedProcess:
    """A process that the fork server forked, with the interface of `asyncio.subprocess.Process`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """The exit status, None while it is not known to have ended."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Return the exit status once it has ended; negative for a signal."""
        return await asyncio.shield(self._ended)

    def send_signal(self, signal: int) -> None:
        """Send a signal, unless it is known to have ended. Raises ProcessLookupError if it just has."""
        if not self._ended.done():
            os.kill(self.pid, signal)

    def end(self, status: int) -> None:
        """Record its exit status, and wake whoever waits for it."""
        self._ended.set_result(status)


class ForkServer:
    """Forks processes. Its own process is started when first needed, and again if it is gone.

    It imports `modules` first, so that no forked process has to.
    """

    def __init__(self, log_path: Path, modules: Sequence[str] = ()) -> None:
        self._log_path = log_path
        self._program = (*PROGRAM, *modules)
        self._is_closed = False
        self._starting = asyncio.Lock()
        self._root: Process | None = None
        self._line: socket.socket | None = None
        self._listening: asyncio.Task[None] | None = None
        self._ordered: deque[asyncio.Future[ForkedProcess]] = deque()
        self._living: dict[int, ForkedProcess] = {}

    async def warm_up(self) -> socket.socket:
        """Start importing the modules, unless that has begun. Return the socket for orders at once."""
        async with self._starting:
            if self._line is None or self._listening is None or self._listening.done():
                await self._end()
                self._line = await self._start()
            return self._line

    async def fork(self, command: ProcessSpec) -> ForkedProcess:
        """Run a command that is a module of ours. Raises ChildFailed when it cannot, or is closed."""
        for _ in range(TRIES_MAX):
            if self._is_closed:
                break
            with contextlib.suppress(ConnectionError):  # the fork server is gone: try with a new one
                return await self._order(command)
        raise ChildFailed(
            f"{command.name} cannot begin; the last lines of {self._log_path}:\n{tail(self._log_path)}"
        )

    async def close(self) -> None:
        """End the fork server, and with it all forked processes; return when it is gone."""
        self._is_closed = True
        await self._end()

    async def _order(self, command: ProcessSpec) -> ForkedProcess:
        line = await self.warm_up()
        order = Order(
            module=command.argv[2],
            arguments=tuple(command.argv[3:]),
            environment={**os.environ, **command.env},
            directory=str(command.cwd or Path.cwd()),
            log=None if command.log_path is None else str(command.log_path),
            death_signal=command.death_signal or command.stop_signal,
        )
        began: asyncio.Future[ForkedProcess] = asyncio.get_running_loop().create_future()
        self._ordered.append(began)
        await asyncio.get_running_loop().sock_sendall(line, msgspec.json.encode(order))
        return await began

    async def _end(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._line is not None:
            self._line.close()
        if self._root is not None:
            with contextlib.suppress(ProcessLookupError):
                self._root.kill()
            await self._root.wait()
        self._root = self._line = self._listening = None

    async def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        command = ProcessSpec(
            name="fork server", argv=self._program, log_path=None, death_signal=signal.SIGKILL
        )
        with theirs, self._log_path.open("ab") as log:
            self._root = await asyncio.create_subprocess_exec(
                *leash(command), stdin=theirs.fileno(), stdout=log, stderr=log, start_new_session=True
            )
        self._listening = asyncio.create_task(self._listen(ours), name="fork server")
        return ours

    async def _listen(self, line: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while message := await loop.sock_recv(line, MESSAGE_BYTES_MAX):
                match _ANSWERS.decode(message):
                    case Began(pid=pid):
                        self._living[pid] = ForkedProcess(pid)
                        began = self._ordered.popleft()
                        if not began.done():
                            began.set_result(self._living[pid])
                    case Ended(pid=pid, status=status):
                        self._living.pop(pid).end(status)
        finally:
            self._forget()

    def _forget(self) -> None:
        # The kernel ends forked processes with the fork server.
        for each in self._living.values():
            each.end(-signal.SIGTERM)
        self._living.clear()
        while self._ordered:
            if not (began := self._ordered.popleft()).done():
                began.set_exception(ConnectionError("the fork server is gone"))
