"""What figures depend on besides the code: the Python that runs it, and the machine."""

from __future__ import annotations

import os
import platform
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Everything that a reader must know before comparing figures."""

    python: str
    has_pgo: bool
    cores: int
    cpu: str
    system: str

    def __str__(self) -> str:
        pgo = "with" if self.has_pgo else "without"
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"Python {self.python} built {pgo} PGO; {cores}, {self.cpu}, {self.system}"


def surroundings() -> Surroundings:
    """Return those of this process."""
    return Surroundings(
        python=f"{platform.python_version()} ({platform.python_implementation()})",
        has_pgo=is_optimised(str(sysconfig.get_config_var("CONFIG_ARGS"))),
        cores=len(cores()),
        cpu=_cpu(),
        system=f"{platform.system()} {platform.release()}",
    )


def is_optimised(config_args: str) -> bool:
    """Tell from the arguments that Python was configured with whether it was built with PGO.

    Without it aiohttp was 1.3 to 1.5 times slower.
    """
    return "--enable-optimizations" in config_args


def cores() -> Sequence[int]:
    """Return the numbers of the cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Let processes spawned in the block run on this core alone; this thread itself does not stay there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def come_first(pid: int) -> bool:
    """Let a process run whenever it wants to, before all others of its core; tell whether that is permitted.

    It is in the class SCHED_FIFO then (sched(7)). To have the others give way does less: a thread that is
    SCHED_IDLE, or in an autogroup of nice 19, once it has begun, keeps its core for milliseconds.
    """
    try:
        for thread in psutil.Process(pid).threads():
            with suppress(ProcessLookupError):  # it ended meanwhile
                os.sched_setscheduler(thread.id, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    return True


def _cpu() -> str:
    for line in CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else ():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
