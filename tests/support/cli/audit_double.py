"""An audit service with prepared answers: lists, files and streams, broken ones too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from typer.testing import CliRunner, Result

from keyfold.cli import app

ACCOUNT = "acc_1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is sent on one connection; a `cut` one has no end. Any status but 200 is a problem."""

    content: bytes = b""
    is_cut: bool = False
    status: int = 200
    content_type: str = "text/event-stream"


@dataclass(slots=True, kw_only=True)
class AuditDouble:
    """Sends its parts in order, and then the last one again and again."""

    parts: Sequence[Part]
    url: str = ""
    asked: list[tuple[str, dict[str, str], str | None]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Remember the question, and answer."""
        part = self.parts[min(len(self.asked), len(self.parts) - 1)]
        self.asked.append((request.path, dict(request.query), request.headers.get("Last-Event-ID")))
        if part.status != 200:
            problem = {"type": "urn:keyfold:problem:x", "title": "x", "status": part.status, "detail": "no"}
            return web.json_response(problem, status=part.status)
        response = web.StreamResponse(headers={"Content-Type": part.content_type})
        await response.prepare(request)
        await response.write(part.content)
        if part.is_cut and request.transport is not None:
            request.transport.close()
        return response

    async def nothing(self, _request: web.Request) -> web.Response:
        """Know nobody's name."""
        problem = {"type": "urn:keyfold:problem:not-found", "title": "x", "status": 404, "detail": "no"}
        return web.json_response(problem, status=404)

    async def keyfold(self, *arguments: str) -> Result:
        """Run a command for which this is the audit service."""
        environment: dict[str, str | None] = {
            "KEYFOLD_AUDIT_URL": self.url,
            "KEYFOLD_REGISTRY_URL": self.url + "/registry",
            "KEYFOLD_TOKEN": "token",
            "KEYFOLD_ACCOUNT": ACCOUNT,
            "KEYFOLD_DIR": None,
        }
        # In a thread, for a command runs a loop of its own.
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=environment)


@asynccontextmanager
async def auditing(*parts: Part) -> AsyncIterator[AuditDouble]:
    """Serve these on a free port."""
    double = AuditDouble(parts=parts)
    application = web.Application()
    application.router.add_route("*", "/registry/{rest:.*}", double.nothing)
    application.router.add_route("*", "/{rest:.*}", double.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    double.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield double
    finally:
        await runner.cleanup()


def item(number: int, **changes: Any) -> dict[str, Any]:
    """Return an access event as the audit service shows it."""
    return {
        "event_id": f"00000000-0000-0000-0000-{number:012}",
        "at": "2026-03-15T12:00:00.000001Z",
        "account_id": ACCOUNT,
        "key_id": "key_1",
        "vendor_id": "ven_1",
        "vendor_key_id": "key_v1",
        "category": "patient",
        "access": "read",
        "method": "GET",
        "path": f"/v1/patient/{number}",
        "decision": "allow",
        "reason": None,
        "position": 7,
        "gateway": "caddy",
        "client_ip": None,
        "requests": 1,
        "vendor_name": None,
        "key_name": None,
        **changes,
    }


def encode_events(*numbers: int) -> bytes:
    """Return events as a stream sends them, each with its number as id."""
    return b"".join(b"id: %d\ndata: %s\n\n" % (each, orjson.dumps(item(each))) for each in numbers)
