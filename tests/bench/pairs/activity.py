"""activity: what owners and vendors ask, over HTTP, of a log of KEYFOLD_BENCH_ROWS rows in 90 days.

Each is asked for accounts, keys and vendors: the one with a quarter of all rows, and some with ever fewer.
The exports are of the account with a quarter of all; a slow reader leaves after a while.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, time, timedelta

import aiohttp

from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import rfc3339
from keyfold.store.postgres.connection import open_pool
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.bench.percentile import percentile
from tests.bench.sides import on_disk
from tests.bench.sides.audit_service import AuditService, Place, open_audit
from tests.bench.sides.gatekeepers import memory_mb, two_cores, wired
from tests.support.audit.lived_in_log import account, fill, key, vendor

ROWS = int(os.environ.get("KEYFOLD_BENCH_ROWS", "1000000"))
QUESTIONS = 150
PAGES = 100
WHO = ("account", "key", "vendor")
FIGURES = tuple(Figure(name=f"{who}'s {p} ms", more_is_better=False) for who in WHO for p in ("p50", "p99"))
SECONDS, MEGABYTES = Figure(name="s", more_is_better=False), Figure(name="peak MB", more_is_better=False)
EXPORTED = Figure(name="exported MB")
DAY = timedelta(days=1)
SLOW_S = 10.0
SLOW_BYTES, SLOW_PAUSE_S = 8192, 0.02
SAMPLE_INTERVAL_S = 0.02

Query = Mapping[str, str]
Places = Mapping[str, Sequence[tuple[Place, Query]]]
"""What is asked for each of WHO, in turn."""


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield one for each question, ours alone."""
    core, _ = two_cores()
    directory = ground.directory_of("activity")
    wiring, _ = await wired(ground, directory)
    today = datetime.combine(SYSTEM_CLOCK.now(), time(), UTC)
    dsn = wiring.postgres_dsns["audit"]
    await fill(dsn, ROWS, today + DAY)
    async with open_pool(dsn, application_name="bench") as pool:
        taken = await on_disk.measure_disk(pool, ROWS)
    async with open_audit(wiring, directory, core) as audit, audit.open_session() as session:
        first: Places = {who: [(place, {}) for place in _places(audit, who)] for who in WHO}
        later = {who: [await _later(session, _places(audit, who)[0])] for who in WHO}
        day = {"since": rfc3339(today - DAY), "until": rfc3339(today)}
        yield [
            _asking(session, "first page", "", first),
            _asking(session, f"page {PAGES}", "", later),
            _asking(session, "a day by the hour", "/summary", _with(first, {"bucket": "hour", **day})),
            _asking(session, "a day in one", "/summary", _with(first, {"bucket": "day", **day})),
            _asking(
                session,
                "90 days by the day and category",
                "/summary",
                _with(first, {"bucket": "day", "by": "category"}),
            ),
            _asking(session, "a reason that nobody got", "", _with(first, {"reason": "rate_limited"})),
            *(_exporting(audit, session, form) for form in ("csv", "ndjson")),
            _slowly(audit, session),
            _told(taken),
        ]


def _places(audit: AuditService, who: str) -> Sequence[Place]:
    match who:
        case "account":
            return [audit.of_account(account(number)) for number in (0, 1, 5, 50, 500, 1999)]
        case "key":
            return [
                audit.of_key(account(number), key(number, number % 4)) for number in (0, 1, 5, 50, 502, 1999)
            ]
        case _:
            return [audit.of_vendor(vendor(number)) for number in (0, 1, 5, 10, 20, 39)]


def _with(places: Places, query: Query) -> Places:
    return {who: [(place, query) for place, _ in asked] for who, asked in places.items()}


async def _later(session: aiohttp.ClientSession, place: Place) -> tuple[Place, Query]:
    """Follow pages up to that one, and return how it is asked for."""
    query: Query = {}
    for _ in range(PAGES - 1):
        async with session.get(place.path, params=query, headers=place.headers) as answer:
            query = {"cursor": (await answer.json())["next_cursor"]}
    return place, query


def _asking(session: aiohttp.ClientSession, name: str, path: str, places: Places) -> Contest:
    async def go() -> Figures:
        figures: dict[str, float] = {}
        for who, asked in places.items():
            took_ms = [
                await _took_ms(session, f"{place.path}{path}", place, query)
                for number in range(QUESTIONS)
                for place, query in [asked[number % len(asked)]]
            ]
            took_ms.sort()
            figures |= {
                f"{who}'s p50 ms": percentile(took_ms, 50),
                f"{who}'s p99 ms": percentile(took_ms, 99),
            }
        return figures

    what = f"the audit service over HTTP, one question at a time, {ROWS:,} rows in 90 days"
    return Contest(name=f"activity, {name}", figures=FIGURES, ours=Side(what=what, go=go), bare=None)


async def _took_ms(session: aiohttp.ClientSession, path: str, place: Place, query: Query) -> float:
    began_s = SYSTEM_CLOCK.monotonic_s()
    async with session.get(path, params=query, headers=place.headers) as answer:
        await answer.read()
    return 1000 * (SYSTEM_CLOCK.monotonic_s() - began_s)


def _exporting(audit: AuditService, session: aiohttp.ClientSession, form: str) -> Contest:
    async def go() -> Figures:
        began_s, read = SYSTEM_CLOCK.monotonic_s(), 0
        place = audit.of_account(account(0))
        target, peak_mb = f"{place.path}/export", _Peak(audit.child.pid)
        async with peak_mb, session.get(target, params={"format": form}, headers=place.headers) as answer:
            async for content in answer.content.iter_any():
                read += len(content)
        took_s = SYSTEM_CLOCK.monotonic_s() - began_s
        return {SECONDS.name: took_s, EXPORTED.name: read / 1e6, MEGABYTES.name: peak_mb.value}

    what = (
        f"a quarter of {ROWS:,} rows as {form} over HTTP; MB is the audit process's resident set at its most"
    )
    side = Side(what=what, go=go)
    return Contest(
        name=f"activity, export of {form}", figures=(SECONDS, EXPORTED, MEGABYTES), ours=side, bare=None
    )


def _slowly(audit: AuditService, session: aiohttp.ClientSession) -> Contest:
    async def go() -> Figures:
        place, query = audit.of_account(account(0)), {"format": "ndjson"}
        peak_mb = _Peak(audit.child.pid)
        async with (
            peak_mb,
            session.get(f"{place.path}/export", params=query, headers=place.headers) as answer,
        ):
            await _sip(answer)
            answer.close()
        return {MEGABYTES.name: peak_mb.value}

    what = f"the same, {SLOW_BYTES / SLOW_PAUSE_S / 1000:.0f} kB a second for {SLOW_S:g} s"
    side = Side(what=what, go=go)
    return Contest(name="activity, export to a slow reader", figures=(MEGABYTES,), ours=side, bare=None)


async def _sip(answer: aiohttp.ClientResponse) -> None:
    ends_s = SYSTEM_CLOCK.monotonic_s() + SLOW_S
    while SYSTEM_CLOCK.monotonic_s() < ends_s:
        await answer.content.read(SLOW_BYTES)
        await asyncio.sleep(SLOW_PAUSE_S)


def _told(taken: Figures) -> Contest:
    async def go() -> Figures:
        return taken

    what = "the sizes of the tables, and what filing 100,000 more wrote to the WAL, looked at once"
    figures = (on_disk.ROWS, on_disk.INDEXES, on_disk.COUNTS, on_disk.WAL)
    return Contest(name="activity, on disk", figures=figures, ours=Side(what=what, go=go), bare=None)


class _Peak:
    """A process's highest memory use during the block, sampled many times a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.value = 0.0

    async def __aenter__(self) -> None:
        self._looking = asyncio.create_task(self._look())

    async def __aexit__(self, *_failure: object) -> None:
        self._looking.cancel()
        with suppress(asyncio.CancelledError):
            await self._looking

    async def _look(self) -> None:
        while True:
            self.value = max(self.value, memory_mb(self._pid))
            await asyncio.sleep(SAMPLE_INTERVAL_S)
