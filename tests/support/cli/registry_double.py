"""A registry, or a gatekeeper, with prepared answers, which remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from typer.testing import CliRunner, Result

from keyfold.cli import app

ACCOUNT = "acc_1"
LOST = None
"""Instead of an answer: the connection is lost, and nobody knows whether the command was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    body: Any
    idempotency_key: str | None
    prefer: str | None
    authorization: str | None


@dataclass(slots=True, kw_only=True)
class RegistryDouble:
    """Gives its answers in order, and then the last one again and again."""

    answers: Sequence[dict[str, Any] | None]
    url: str = ""
    status: int = 200
    asked: list[Asked] = field(default_factory=list)

    @property
    def target(self) -> str:
        """What each command that changes something prints about where it goes."""
        return f"registry at {self.url.removeprefix('http://')} (KEYFOLD_REGISTRY_URL)\n"

    async def answer(self, request: web.Request) -> web.Response:
        """Remember the request and answer it."""
        self.asked.append(
            Asked(
                method=request.method,
                path=request.path,
                body=await request.json() if request.body_exists else None,
                idempotency_key=request.headers.get("Idempotency-Key"),
                prefer=request.headers.get("Prefer"),
                authorization=request.headers.get("Authorization"),
            )
        )
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if answer is LOST and request.transport is not None:
            request.transport.close()
        return web.json_response(answer, status=self.status)

    async def keyfold(self, *arguments: str) -> Result:
        """Run a command for which this is the registry."""
        environment: dict[str, str | None] = {
            "KEYFOLD_REGISTRY_URL": self.url,
            "KEYFOLD_GATEKEEPER_URL": self.url,
            "KEYFOLD_TOKEN": "token",
            "KEYFOLD_ACCOUNT": ACCOUNT,
            "KEYFOLD_DIR": None,
        }
        # In a thread, for a command runs a loop of its own.
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=environment)


@asynccontextmanager
async def serving(*answers: dict[str, Any] | None, status: int = 200) -> AsyncIterator[RegistryDouble]:
    """Serve these answers on a free port."""
    double = RegistryDouble(answers=answers, status=status)
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", double.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    double.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield double
    finally:
        await runner.cleanup()
