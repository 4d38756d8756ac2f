"""Waiting for what a process needs."""

import asyncio

import pytest
from structlog.testing import capture_logs

from keyfold.runtime.failure import StopProcess
from keyfold.runtime.waiting import wait_for


class Flaky:
    """Fails as often as told, then gives 7."""

    def __init__(self, failures: int, error: Exception) -> None:
        self._left = failures
        self._error = error

    async def attempt(self) -> int:
        self._left -= 1
        if self._left >= 0:
            raise self._error
        return 7


async def test_it_comes() -> None:
    """What comes late is waited for, with a log line that says for what and why."""
    with capture_logs() as lines:
        assert await wait_for("the store", Flaky(1, ConnectionRefusedError("no")).attempt, timeout_s=5) == 7
    (line,) = lines
    assert (line["event"], line["what"], line["reason"]) == ("waiting", "the store", "no")


async def test_it_never_comes() -> None:
    """Past the bound the process must stop, and says what it waited for."""
    with pytest.raises(StopProcess, match=r"gave up waiting for the store after 0\.1 s: no"):
        await wait_for("the store", Flaky(99, ConnectionRefusedError("no")).attempt, timeout_s=0.1)


async def test_it_hangs() -> None:
    """An attempt that never answers is abandoned at the bound."""
    with pytest.raises(StopProcess, match="it does not answer"):
        async with asyncio.timeout(5):
            await wait_for("the store", asyncio.Event().wait, timeout_s=0.1)


async def test_it_hangs_after_it_failed() -> None:
    """The reason that was known before the bound cut an attempt short is the one that is told."""
    flaky = Flaky(1, ConnectionRefusedError("connection refused"))

    async def attempt() -> int:
        await flaky.attempt()
        return await asyncio.Event().wait()

    with pytest.raises(StopProcess, match=r"gave up waiting for Kafka after 0\.3 s: connection refused"):
        await wait_for("Kafka", attempt, timeout_s=0.3)


async def test_a_bug_is_not_waited_out() -> None:
    """An error that is not one of waiting is raised at once."""
    with pytest.raises(ZeroDivisionError):
        await wait_for("the store", Flaky(1, ZeroDivisionError()).attempt, timeout_s=5)
