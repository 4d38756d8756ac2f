"""A service's life, seen from outside the process."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process

import aiohttp
import orjson
import pytest

SETTINGS = {
    "KEYFOLD_HTTP_PORT": "0",
    "KEYFOLD_POSTGRES_DSN": "postgresql://keyfold:hunter2@localhost/keyfold",
    "KEYFOLD_LOG_FORMAT": "json",
}


async def started(fate: str, **settings: str) -> Process:
    """Start the sample service."""
    command = (sys.executable, "-m", "tests.support.runtime.sample_service", fate)
    return await asyncio.create_subprocess_exec(
        *command, env={**SETTINGS, **settings}, stdout=PIPE, stderr=PIPE
    )


async def ended(service: Process) -> tuple[int | None, str, list[dict[str, object]]]:
    """Wait for the end; return the exit status, the output, and the log as its lines."""
    async with asyncio.timeout(20):
        out, log = await service.communicate()
    return service.returncode, out.decode(), [orjson.loads(line) for line in log.splitlines()]


async def wait_for_line(service: Process, start: str) -> str:
    """Wait for a line of output that starts like that; return the rest of it."""
    assert service.stdout is not None
    async with asyncio.timeout(20):
        async for line in service.stdout:
            if line.decode().startswith(start):
                return line.decode().removeprefix(start).strip()
    raise AssertionError(f"the service ended without saying {start}")


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_a_drain(sign: signal.Signals) -> None:
    """A signal lets requests finish, then stops tasks, then closes resources, and exits with 0."""
    service = await started("lives")
    port = await wait_for_line(service, "port ")
    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(ask(session, port))
        await wait_for_line(service, "handling")
        service.send_signal(sign)
        service.send_signal(sign)
        assert await asking == {"done": True}
    status, out, log = await ended(service)
    assert (status, out.splitlines()) == (0, ["task stopped", "resource closed"])
    assert [line["event"] for line in log if line["event"] != "http_request"] == [
        "service_starting",
        "http_listening",
        "service_started",
        "service_draining",
        "service_stopped",
    ]
    assert all(line["service"] == "sample" for line in log)
    assert "hunter2" not in str(log)


async def ask(session: aiohttp.ClientSession, port: str) -> object:
    """Ask the slow route."""
    async with session.get(f"http://127.0.0.1:{port}/slow") as response:
        return await response.json()


async def test_a_drain_is_bounded() -> None:
    """A request that outlasts the drain timeout does not keep the process."""
    service = await started("lives", KEYFOLD_DRAIN_TIMEOUT_S="0.05")
    port = await wait_for_line(service, "port ")
    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(ask(session, port))
        await wait_for_line(service, "handling")
        service.terminate()
        with pytest.raises(aiohttp.ClientError):
            await asking
    status, out, _ = await ended(service)
    assert (status, out.splitlines()) == (0, ["task stopped", "resource closed"])


@pytest.mark.parametrize(
    ("fate", "error", "traceback"),
    [
        ("expected", "the ledger has a gap at position 7", False),
        ("ends", "it ended though nobody stopped it", False),
        ("cancels itself", "it was cancelled though nobody stopped it", False),
        ("bug", "a bug", True),
    ],
)
async def test_a_task_that_dies(fate: str, error: str, traceback: bool) -> None:
    """A task that dies stops the process with 1 and one line naming it, with a traceback for a bug alone."""
    status, out, log = await ended(await started(fate))
    assert (status, out.splitlines()[-1]) == (1, "resource closed")
    (failed,) = [line for line in log if line["level"] == "error"]
    assert (failed["event"], failed["task"], failed["error"]) == ("service_failed", "worker", error)
    assert ("exception" in failed) is traceback


async def test_a_start_that_waits_in_vain() -> None:
    """A service that cannot reach what it needs says for what it waits, then exits with 1."""
    status, _, log = await ended(await started("waits", KEYFOLD_STARTUP_TIMEOUT_S="0.3"))
    assert status == 1
    assert {line["what"] for line in log if line["event"] == "waiting"} == {"the store"}
    assert log[-1]["task"] == "start"
    assert log[-1]["error"] == "gave up waiting for the store after 0.3 s: connection refused"


async def test_a_signal_while_it_waits() -> None:
    """A signal ends a start that still waits, at once and with 0."""
    service = await started("waits")
    assert service.stderr is not None
    async for line in service.stderr:
        if b'"waiting"' in line:
            break
    service.terminate()
    status, out, _ = await ended(service)
    assert (status, out) == (0, "resource closed\n")


async def test_a_resource_that_does_not_close() -> None:
    """A resource that hangs while closing is abandoned, with a log line that names what was pending."""
    service = await started("hangs", KEYFOLD_DRAIN_TIMEOUT_S="0")
    await wait_for_line(service, "port ")
    service.terminate()
    status, _, log = await ended(service)
    assert (status, log[-1]["event"]) == (1, "service_abandoned")
    assert "worker" in str(log[-1]["pending"])


async def test_bad_settings() -> None:
    """Bad settings are listed on stderr, all of them and without values, and the exit status is 2."""
    service = await started("lives", KEYFOLD_HTTP_PORT="x", KEYFOLD_POSTGRES_DSN="hunter2")
    out, err = await service.communicate()
    assert (service.returncode, out) == (2, b"")
    lines = err.decode().splitlines()
    assert lines[0] == "keyfold sample cannot start; its settings are wrong:"
    assert [line.partition(":")[0] for line in lines[1:]] == ["KEYFOLD_HTTP_PORT", "KEYFOLD_POSTGRES_DSN"]
    assert "hunter2" not in err.decode()


async def test_an_unknown_variable() -> None:
    """A KEYFOLD_ variable that the service does not know is a warning and no more."""
    service = await started("lives", KEYFOLD_HTTP_PROT="1")
    await wait_for_line(service, "port ")
    service.terminate()
    status, _, log = await ended(service)
    assert status == 0
    (warning,) = [line for line in log if line["level"] == "warning"]
    assert (warning["event"], warning["variables"]) == ("settings_unknown", ["KEYFOLD_HTTP_PROT"])


async def test_a_port_that_is_taken() -> None:
    """A service whose port is taken says so in one line and exits with 1."""
    first = await started("lives")
    port = await wait_for_line(first, "port ")
    status, _, log = await ended(await started("lives", KEYFOLD_HTTP_PORT=port))
    first.terminate()
    await first.communicate()
    assert status == 1
    assert str(log[-1]["error"]).startswith(f"cannot listen on 127.0.0.1:{port} (KEYFOLD_HTTP_HOST): ")
    assert "exception" not in log[-1]
