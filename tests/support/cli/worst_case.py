"""Services with the longest possible answers: ids, names in many scripts, paths and counts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Final

import orjson
from aiohttp import web

from tests.support.cli.longest import (
    JsonObject,
    access,
    account,
    checkpoint,
    counted,
    decided,
    decision,
    filed,
    gatekeeper,
    happened,
    invitation,
    key,
    login,
    recorded,
    revocations,
    shadow,
    unused,
    vendor,
    vendor_key,
)

SECRET: Final = f"kfs_live_{'Zz9' * 20}1"


def page(make: Callable[[], JsonObject]) -> Callable[[], JsonObject]:
    """Return a function that makes a page of many items."""
    return lambda: {"items": [make() for _ in range(5)], "next_cursor": None}


def with_secret(make: Callable[[], JsonObject]) -> Callable[[], JsonObject]:
    """Return a function that makes a key with its secret."""
    return lambda: {"key": make(), "secret": SECRET, "warnings": []}


def enforcement() -> JsonObject:
    """Return all gatekeepers' progress."""
    return {"position": 10**18, "enforced": False, "gatekeepers": [gatekeeper(), gatekeeper()]}


def seal_key() -> JsonObject:
    """Return the key that seals the ledger."""
    return {"public_key": "ab" * 32}


def unready() -> JsonObject:
    """Return why a service is not ready."""
    return {"reasons": {"kafka": "the broker at kafka-0.kafka.svc.cluster.local:9092 is away " * 3}}


def invited() -> JsonObject:
    """Return a new invitation with its code."""
    return {"invitation": invitation(), "code": SECRET.replace("kfs", "kfi")}


ANSWERS: Final[Mapping[str, Callable[[], JsonObject]]] = {
    r"GET .*/history": page(happened),
    r"POST /v1/invitations": invited,
    r"GET /v1/invitations": page(invitation),
    r"DELETE /v1/invitations/\w+": invitation,
    r"GET .*/logins": page(login),
    r"DELETE .*/logins/\w+": login,
    r"GET .*/activity/summary": counted,
    r"GET .*/activity": page(access),
    r"GET /v1/decisions/[0-9a-f-]+": decided,
    r"GET /v1/audit/completeness": page(filed),
    r"POST /v1/accounts/\w+/keys/revoke": revocations,
    r"GET /v1/accounts/\w+/keys/\w+/unused-permissions": unused,
    r"POST /v1/accounts/\w+/keys(/\w+/rotate)?": with_secret(key),
    r"GET /v1/accounts/\w+/keys": page(key),
    r"\w+ /v1/accounts/\w+/keys/\w+": key,
    r"\w+ /v1/accounts.*": account,
    r"POST /v1/vendors/\w+/keys(/\w+/rotate)?": with_secret(vendor_key),
    r"GET /v1/vendors/\w+/keys": page(vendor_key),
    r"\w+ /v1/vendors/\w+/keys/\w+": vendor_key,
    r"GET /v1/vendors": page(vendor),
    r"\w+ /v1/vendors.*": vendor,
    r"GET /v1/ledger": page(recorded),
    r"POST /v1/ledger/checkpoints": checkpoint,
    r"GET /v1/ledger/checkpoints": page(checkpoint),
    r"\w+ /v1/ledger/seal-key.*": seal_key,
    r"GET /v1/enforcement": enforcement,
    r"POST /v1/decide": decision,
    r"GET /v1/shadow": shadow,
    r"GET /readyz": unready,
}


@cache
def answer_to(method: str, path: str) -> JsonObject:
    """Return the longest answer to a request, always the same one."""
    asked = f"{method} {path}"
    return next(make() for pattern, make in ANSWERS.items() if re.fullmatch(pattern, asked))


@asynccontextmanager
async def worst() -> AsyncIterator[str]:
    """Serve it on a free port, and yield the address."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/metrics":
            return web.Response(text="keyfold_relay_position 9223372036854775807\n")
        if request.path.endswith("/activity/stream"):
            text = b"id: 1\ndata: %s\n\n" % orjson.dumps(access())
            return web.Response(body=text, content_type="text/event-stream")
        status = 503 if request.path == "/readyz" else 200
        return web.json_response(answer_to(request.method, request.path), status=status)

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
