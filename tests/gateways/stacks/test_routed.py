"""Whatever an API is built on: the handler that serves a request has the category that was decided."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from itertools import product

import pytest

from keyfold.domain.access.route_map import MappedRoute
from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.domain.permissions import Access, Category
from tests.gateways.stacks.running import ROUTED, stack_running
from tests.support.gateways.wire import connected, head

MAP = parse_route_map("""\
/v1/patient/** patient
/v1/patient/{id}/note/** clinical
/v1/patient/{id}/letter contact
/v1/patient/{id}/letter/{number} contact
/v1/search system POST=read
/v1/files/{name} files
/v1/files/index system
/v1/report.csv financial
/v1/report financial
GET /v1/files/up public
GET /up public
""")
NESTED = "/v1/patient/7/"
WORDS = ("note", "letter")
TRICKS = (
    "{}", "{}/", "{}/8", "{}/8/", "{}.json", "{}.json/", "{}.tar.gz", "{}/8.json", "{}.", "{}..", "{};v=1",
    "{}%00", "{}%20", "%20{}", "+{}", "{}+", "{}%2e", "{}%2fx", "{}%5cx", "{}//", "/{}", "./{}", "x/../{}",
    "{}?_method=DELETE", "{}?%5Fmethod=DELETE", "{}?a=1&_METHOD=PUT", "{}?x=.json", "{}%3f", "{}%23", "{}:x",
    "{}~", "{}%E2%80%8B", "{}%CC%81",
)  # fmt: skip
SPELLINGS = ("%6eote", "n%6Fte", "NOTE", "Note", "%4eote", "%256eote", "not%C3%A9", "n%EF%BD%8Fte", "LETTER",
             "%6cetter", "lett%C3%A9r", "note.JSON")  # fmt: skip
OTHERS = (
    "/v1/search", "/v1/search?_method=DELETE", "/v1/search?_method=GET", "/v1/Search", "/v1/search.json",
    "/v1/files/index", "/v1/files/index.html", "/v1/files/Index", "/v1/files/%69ndex", "/v1/files/index/",
    "/v1/files/a%20b.pdf", "/v1/files/J%C3%BCrgen%20Gro%C3%9F.pdf", "/v1/files/%E6%97%A5%E6%9C%AC",
    "/v1/files/up", "/v1/files/up.txt", "/v1/files/UP", "/v1/files/up/", "/v1/files/up?_method=PUT",
    "/up", "/up/", "/UP", "/up.json", "/%75p", "/v1/report.csv", "/v1/report", "/v1/report.csv.gz",
    "/v1/report.CSV", "/V1/patient/7", "/v1/%70atient/7", "/v1/patient.json", "/v1/patient/", "/v1/patient",
)  # fmt: skip
Outcome = tuple[Category | None, Access | None]


def targets() -> Iterator[str]:
    """Yield targets that are read in different ways, among plain ones."""
    yield from OTHERS
    for word, trick in product(WORDS, TRICKS):
        yield NESTED + trick.format(word)
    for spelt, trick in product(SPELLINGS, ("{}", "{}/", "{}/8", "{}.json")):
        yield NESTED + trick.format(spelt)


@pytest.fixture(scope="module")
async def stacks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, int]]:
    """The port of each API, all of which run."""
    routes = sorted(MAP.routes, key=_specificity)
    told = [
        {"line": each.line, "segments": each.segments, "method": each.public_method or ""} for each in routes
    ]
    async with AsyncExitStack() as running:
        starting = (
            running.enter_async_context(
                stack_running(argv, tmp_path_factory.mktemp("routed"), json.dumps(told))
            )
            for argv in ROUTED.values()
        )
        yield dict(zip(ROUTED, await asyncio.gather(*starting), strict=True))


def _specificity(route: MappedRoute) -> list[int]:
    # As developers order them: what is public before the rest, literals before parameters before the rest.
    ranks = [{"{}": 1, "**": 3}.get(each, 0) for each in route.segments]
    return [*ranks, 2, 0 if route.is_public else 1]


async def serve(port: int, method: str, target: str) -> Outcome | None:
    """Return what the handler is for that serves a request, None if none does."""
    async with connected(port) as connection:
        await connection.send(head(method, target, [("Content-Length", "0")]))
        response = await connection.response(method)
    if response.status != 200:
        return None
    told = json.loads(response.body)
    (route,) = [each for each in MAP.routes if each.line == told["line"]]
    return route.category, route.access(told["method"])


@pytest.mark.parametrize("stack", ROUTED)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_decided_is_what_is_served(stacks: Mapping[str, int], stack: str, method: str) -> None:
    """Of whatever is let through for a category, no handler of another category or access answers it."""
    compared = 0
    for target in targets():
        decided = MAP.read(method, target)
        if decided.route is None:
            continue
        served = await serve(stacks[stack], method, target)
        assert served in (None, (decided.category, decided.access)), target
        compared += served is not None
    assert compared > 20


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/patient/7/note.json"),
        ("GET", "/v1/patient/7/%6eote"),
        ("GET", "/v1/patient/7/NOTE"),
        ("POST", "/v1/search?_method=DELETE"),
    ],
)
async def test_what_is_ambiguous_is_served_in_two_ways(
    stacks: Mapping[str, int], method: str, target: str
) -> None:
    """Frameworks do differ about these, so no decision would be right for all of them."""
    served = {await serve(port, method, target) for port in stacks.values()} - {None}
    assert len(served) > 1
    assert not MAP.read(method, target).is_clear
