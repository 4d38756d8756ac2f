"""Bytes that no HTTP client sends, to every operation of every service: read or refused.

All of them to each: `make test T=tests/acceptance/edges/test_raw_requests.py KEYFOLD_RAW_REQUESTS=2000`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import cycle, islice
from random import Random

import psutil
import pytest
from yarl import URL

from keyfold.local.service_specs import SERVICE_SPECS
from tests.support.stack.access_scenes import Scenes
from tests.support.stack.access_table import ROWS, Row
from tests.support.stack.raw_requests import PROBE, STRANGE_ENDS, RawRequest, exchange, strange_lines
from tests.support.stack.running import RunningStack
from tests.support.stack.world import VendorWithKey, World

REQUESTS = int(os.environ.get("KEYFOLD_RAW_REQUESTS", "4"))
CHUNKED = b"GET /livez HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
WITH_TRAILERS = CHUNKED + b"X: y\r\nAuthorization: Bearer token\r\n\r\n"
NO_PYTHON = frozenset({"kafka", "postgres", "gateway"})
NO_TEXT = (b"Authorization", b"Bearer \xe9")
FAILURES = (b"Traceback", b"request_failed", b"decision_failed", b"stream_cut_off", b"Logging error")
AUTHZ_SERVER = "authz"


@pytest.fixture(scope="module")
async def scenes(world: World, vendor: VendorWithKey) -> Scenes:
    """A stack with a practice."""
    return Scenes(world, await world.practice(vendor))


def ports_of(stack: RunningStack) -> Iterator[tuple[str, int]]:
    """Yield every port on which a process of ours listens."""
    for name in stack.record["pids"].keys() - NO_PYTHON:
        for each in psutil.Process(stack.pid(name)).net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN:
                yield name, each.laddr.port


async def test_no_trailer_reaches_another_request(stack: RunningStack) -> None:
    """A chunked request is the last on its connection, for each service and all else that listens here."""
    ports = list(ports_of(stack))
    assert {name for name, _ in ports} >= {spec.name for spec in SERVICE_SPECS} | {"sample-api"}
    assert len(ports) > len(SERVICE_SPECS) + 1  # the gatekeeper has two
    for name, port in ports:
        for pieces in ((WITH_TRAILERS + PROBE,), (WITH_TRAILERS, PROBE), (CHUNKED + b"\r\n" + PROBE,)):
            assert len(await exchange(port, *pieces)) == 1, name


@pytest.mark.parametrize("service", [*(spec.name for spec in SERVICE_SPECS), AUTHZ_SERVER])
async def test_strange_bytes(scenes: Scenes, stack: RunningStack, service: str) -> None:
    """Whatever bytes a header, a path or a query has, there is an answer, no failure and no traceback."""
    log = stack.state_dir / "logs" / f"{_process(service)}.log"
    logged, port = log.stat().st_size, URL(stack.url(service)).port or 0
    changes = cycle(_changes(Random(service)))
    for row in (row for row in ROWS if _is_of(row, service)):
        caller = next(caller for caller, outcome in row.expected.items() if outcome in ("ok", "409"))
        scene = await scenes.make(row)
        for change in (NO_TEXT, *islice(changes, REQUESTS)):
            sent = _changed(scenes.raw(row, caller, scene), change)
            is_endless = row.path.endswith("/stream")
            bytes_sent = sent.sent if is_endless else sent.sent + PROBE
            answers = await exchange(port, bytes_sent, is_endless=is_endless)
            assert answers and answers[0] in {*range(200, 500), 503}, sent
    with log.open("rb") as lines:
        lines.seek(logged)
        assert [line for line in lines if any(each in line for each in FAILURES)] == []


def _process(service: str) -> str:
    return "gatekeeper" if service == AUTHZ_SERVER else service


def _is_of(row: Row, service: str) -> bool:
    return row.service == _process(service) and (service != AUTHZ_SERVER or row.path.startswith("/authz"))


Change = bytes | tuple[bytes, bytes]


def _changes(random: Random) -> list[Change]:
    changes: list[Change] = [*strange_lines(), *STRANGE_ENDS]
    random.shuffle(changes)
    return changes


def _changed(good: RawRequest, change: Change) -> RawRequest:
    return good.with_end(change) if isinstance(change, bytes) else good.with_line(*change)
