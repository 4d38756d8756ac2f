"""A minimal service, run by tests as its own process; its one argument says what becomes of it."""

import asyncio
import sys

from keyfold.runtime.auth.caller import TokenRejected
from keyfold.runtime.failure import StopProcess
from keyfold.runtime.http import Answer, Public, Request, Route, build_app
from keyfold.runtime.service import Process, run
from keyfold.runtime.settings.base import PostgresSettings, ServiceSettings
from keyfold.runtime.waiting import wait_for


class SampleSettings(ServiceSettings, PostgresSettings):
    """With a secret."""


class Nobody:
    """Accepts no token."""

    async def authenticate(self, authorization: str | None) -> TokenRejected:
        return TokenRejected(detail="nobody")


async def slow(_request: Request[None, None]) -> Answer:
    """Answer after a moment, for which a drain must wait."""
    print("handling", flush=True)
    await asyncio.sleep(0.5)
    return Answer(body={"done": True})


async def work(fate: str) -> None:
    """Run as a task that lives, dies of either kind of error, or just ends."""
    match fate:
        case "expected":
            raise StopProcess("the ledger has a gap at position 7")
        case "bug":
            raise ZeroDivisionError("a bug")
        case "ends":
            return
        case "cancels itself":
            raise asyncio.CancelledError
        case "hangs":
            await hang()
    try:
        await asyncio.Event().wait()
    finally:
        print("task stopped", flush=True)


async def hang() -> None:
    """Hang for ever, as some clients do when they stop."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.Event().wait()


async def refused() -> None:
    """Fail as something that is away."""
    raise ConnectionRefusedError("connection refused")


async def start(process: Process[SampleSettings]) -> None:
    """Build a server and a task."""
    fate = sys.argv[1]
    process.resources.callback(print, "resource closed", flush=True)
    if fate == "waits":
        await wait_for("the store", refused, timeout_s=process.settings.startup_timeout_s)
    process.spawn("worker", work(fate))
    route = Route(method="GET", path="/slow", handler=slow, rule=Public(), summary="Slow.")
    port = await process.serve(build_app("sample", [route], auth=Nobody(), health=process.health))
    print(f"port {port}", flush=True)


if __name__ == "__main__":
    run("sample", SampleSettings, start)
