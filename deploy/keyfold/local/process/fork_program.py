"""The fork server's program: it imports the services' modules once, and forks a child for each order.

Orders and answers are JSON messages over the socket that is its standard input.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

import msgspec

from keyfold.runtime.collector import leave_modules

MESSAGE_BYTES_MAX: Final = 1 << 20
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NAME: Final = 15


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Which module to run as a program. Without a `log` it writes to our own output."""

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    directory: str
    log: str | None
    death_signal: int


class Began(msgspec.Struct, frozen=True, tag="began"):
    """A process was forked. Answers come in the order of the orders."""

    pid: int


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """A process ended, with this exit status; negative for a signal."""

    pid: int
    status: int


def main(modules: Sequence[str]) -> None:
    """Import the modules, then fork a child for each order until the other end of the socket is gone."""
    for each in modules:
        import_module(each)
        if each.endswith(".__main__"):
            del sys.modules[each]  # the child that runs it reads it again
    leave_modules()
    line = socket.socket(fileno=os.dup(0))
    try:
        order = _serve(line)
    except BrokenPipeError:
        return
    if order is not None:
        line.close()
        _become(order)


def _serve(line: socket.socket) -> Order | None:
    """Return an order in the child that is to run it, and None in the server when it ends."""
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    with selectors.DefaultSelector() as ready:
        ready.register(line, selectors.EVENT_READ)
        ready.register(woken, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fd == woken:
                    os.read(woken, 4096)
                    _report_ended(line)
                elif not (message := line.recv(MESSAGE_BYTES_MAX)):
                    return None
                elif pid := _fork():
                    line.send(msgspec.json.encode(Began(pid)))
                else:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    os.close(woken)
                    os.close(wake)
                    return msgspec.json.decode(message, type=Order)


def _fork() -> int:
    """Fork. Return the child's process id once it leads its own session, and 0 in the child."""
    until, leads = os.pipe()
    pid = os.fork()
    if not pid:
        os.setsid()
    os.close(leads)
    if pid:
        os.read(until, 1)  # returns when the child has closed its end too
    os.close(until)
    return pid


def _report_ended(line: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            pid, status = ended
            line.send(msgspec.json.encode(Ended(pid, os.waitstatus_to_exitcode(status))))


def _become(order: Order) -> None:
    """Run the ordered program in this process, as if it had been started by itself."""
    parent = os.getppid()
    _control(_PR_SET_NAME, order.module.removeprefix("keyfold.").encode())
    _control(_PR_SET_PDEATHSIG, order.death_signal)
    if os.getppid() != parent:
        sys.exit(1)  # the parent died before the kernel was asked to tell us
    _redirect(os.devnull, os.O_RDONLY, 0)
    if order.log is not None:
        _redirect(order.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 1, 2)
    os.chdir(order.directory)
    os.environ.clear()
    os.environ.update(order.environment)
    sys.argv = [order.module, *order.arguments]
    runpy.run_module(order.module, run_name="__main__", alter_sys=True)


def _redirect(path: str, flags: int, *descriptors: int) -> None:
    opened = os.open(path, flags, 0o666)
    for each in descriptors:
        os.dup2(opened, each)
    os.close(opened)


def _control(what: int, value: int | bytes) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(what, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    main(sys.argv[1:])
