"""page: the console's views on a whole stack, with KEYFOLD_BENCH_ROWS rows of activity and 100 keys.

The practice and the vendor that are looked at have a quarter of all rows. Each view is asked for over HTTP,
one at a time, by somebody who is signed in; the bare page is aiohttp's answer with nothing in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

import aiohttp

from keyfold.domain.lifecycle.account import IntegrationsEnabled
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.postgres.connection import open_pool
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.bench.percentile import percentile
from tests.bench.side_by_side import bare_server
from tests.support.audit.lived_in_log import account, fill, vendor
from tests.support.eventually import eventually
from tests.support.lifecycle_events import account_created, key_created, vendor_approved, vendor_key_issued
from tests.support.page.browsers import let_in
from tests.support.seals import ledger_on
from tests.support.stack.running import RunningStack, running
from tests.support.store.events import append_new

ROWS: Final = int(os.environ.get("KEYFOLD_BENCH_ROWS", "1000000"))
KEYS: Final = 100
VENDORS: Final = 40
QUESTIONS: Final = 60
HOME: Final = "/settings/integrations/api"
TIMES: Final = tuple(Figure(name=f"{p} ms", more_is_better=False) for p in ("p50", "p95"))
SIZES: Final = tuple(Figure(name=name, more_is_better=False) for name in ("first view kB", "after kB"))
_ASSET: Final = re.compile(rb'"(/static/[^"]+)"')
CLAIMS: Final[Mapping[str, Mapping[str, str]]] = {
    "owner": {"account_id": account(0)},
    "vendor": {"vendor_id": vendor(0)},
    "operator": {},
}
VIEWS: Final[Mapping[str, tuple[str, str]]] = {
    "an owner's 100 keys": ("owner", HOME),
    "use of an owner's 100 keys": ("owner", f"{HOME}/use"),
    "a key": ("owner", f"{HOME}/keys/key_000000000000"),
    "use of a key": ("owner", f"{HOME}/keys/key_000000000000/use"),
    "activity of 24 hours": ("owner", f"{HOME}/activity?range=24h"),
    "activity of 90 days": ("owner", f"{HOME}/activity?range=90d"),
    "90 days in numbers": ("owner", f"{HOME}/activity/sums?range=90d"),
    "90 days by category": ("owner", f"{HOME}/activity/sums?range=90d&chart=category"),
    "a vendor": ("vendor", "/vendor"),
    "a vendor's requests of 90 days": ("vendor", "/vendor/activity?range=90d"),
    "a vendor's 90 days in numbers": ("vendor", "/vendor/activity/sums?range=90d"),
    "operations": ("operator", "/operations"),
}


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield one for each view: its time beside the bare page's, and its size."""
    async with running(ground.directory_of("page")) as stack, bare_server(ground) as bare_url:
        await _lived_in(stack)
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            visitors = {
                role: await _signed_in(stack, session, role) for role in ("owner", "vendor", "operator")
            }
            bare = Visitor(session=session, console="", cookie="")
            sides = {
                name: (_asking(visitors[role], path), _asking(bare, bare_url))
                for name, (role, path) in VIEWS.items()
            }
            await eventually(lambda: visitors["owner"].shows(HOME, KEYS))
            yield [
                *(
                    Contest(name=f"page, {name}", figures=TIMES, ours=ours, bare=nothing)
                    for name, (ours, nothing) in sides.items()
                ),
                *(_weighing(visitors[role], name, path) for name, (role, path) in VIEWS.items()),
            ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who is signed in, as a browser that keeps one cookie."""

    session: aiohttp.ClientSession
    console: str
    cookie: str

    async def get(self, path: str) -> tuple[bytes, int]:
        """Return a page as it was sent, and how many bytes of headers came with it."""
        headers = {"Cookie": self.cookie, "Accept-Encoding": "gzip, deflate, br"}
        async with self.session.get(self.console + path, headers=headers, allow_redirects=False) as answer:
            assert answer.status == 200, f"{path} was answered with {answer.status}"
            return await answer.read(), sum(len(name) + len(value) + 4 for name, value in answer.raw_headers)

    async def shows(self, path: str, keys: int) -> bool:
        """Tell whether a page has this many keys."""
        return (await self.text(path)).count(b"<code>kfs_") == keys

    async def text(self, path: str) -> bytes:
        """Return a page's text."""
        headers = {"Cookie": self.cookie}
        async with (
            aiohttp.ClientSession() as plain,
            plain.get(self.console + path, headers=headers) as answer,
        ):
            return await answer.read()


async def _lived_in(stack: RunningStack) -> None:
    tomorrow = datetime.combine(SYSTEM_CLOCK.now(), time(), UTC) + timedelta(days=1)
    await fill(stack.record["postgres"], ROWS, tomorrow, keys=KEYS)
    async with open_pool(stack.record["postgres"], application_name="bench") as pool:
        await append_new(
            ledger_on(pool),
            [
                *(each for number in range(VENDORS) for each in vendor_approved(number)),
                vendor_key_issued(1_000_000, 0),
                account_created(0),
                IntegrationsEnabled(account_id=account(0)),
                *(key_created(number, 0) for number in range(KEYS)),
            ],
        )


async def _signed_in(stack: RunningStack, session: aiohttp.ClientSession, role: str) -> Visitor:
    name = let_in(stack, f"a {role}", {"role": role, "sub": role, **CLAIMS[role]})
    console = stack.url("console")
    async with session.post(f"{console}/sign-in", data={"as": name}, allow_redirects=False) as answer:
        sealed = answer.cookies["__Host-keyfold"].value
    return Visitor(session=session, console=console, cookie=f"__Host-keyfold={sealed}")


def _asking(visitor: Visitor, path: str) -> Side:
    async def go() -> Figures:
        took_ms: list[float] = []
        for _ in range(QUESTIONS):
            began_s = SYSTEM_CLOCK.monotonic_s()
            await visitor.get(path)
            took_ms.append(1000 * (SYSTEM_CLOCK.monotonic_s() - began_s))
        took_ms.sort()
        return {"p50 ms": percentile(took_ms, 50), "p95 ms": percentile(took_ms, 95)}

    is_ours = bool(visitor.console)
    what = f"a view, {ROWS:,} rows in 90 days" if is_ours else "aiohttp with a page of nothing"
    return Side(what=what, go=go)


def _weighing(visitor: Visitor, name: str, path: str) -> Contest:
    async def go() -> Figures:
        content, headers = await visitor.get(path)
        after = len(content) + headers
        assets = {each.decode() for each in _ASSET.findall(await visitor.text(path))}
        sent = [len(body) + more for body, more in [await visitor.get(each) for each in assets]]
        return {"first view kB": (after + sum(sent)) / 1000, "after kB": after / 1000}

    side = Side(what="bytes over the wire: with all that the page loads, and with those kept", go=go)
    return Contest(name=f"page, size of {name}", figures=SIZES, ours=side, bare=None)
