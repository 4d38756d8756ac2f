"""Values at and beyond the types' limits, in every described body and address, cause no fault of ours."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from random import Random
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import orjson
import pytest

from tests.support.edges import TEXTS, Described
from tests.support.stack.access_scenes import Scene, Scenes
from tests.support.stack.access_table import ROWS, Row
from tests.support.stack.running import RunningStack
from tests.support.stack.world import OPERATOR, Answer, VendorWithKey, World

# So many of each operation; the long form, as CONTRIBUTING has it, sends all there are.
EXAMPLES: Final = 300 if os.environ.get("KEYFOLD_FUZZ") else 5
BODIES_MAX, TARGETS_MAX = 8 * EXAMPLES, 4 * EXAMPLES
SECONDS_MAX: Final = 120 + 3 * EXAMPLES
AT_ONCE: Final = 4
TEXT_CHARACTERS_MAX: Final = 2000
OPERATIONS: Final = {row.operation: row for row in ROWS if not row.path.startswith("/authz")}
T = TypeVar("T")


@pytest.fixture(scope="module")
async def scenes(world: World, vendor: VendorWithKey) -> Scenes:
    """A stack with a practice."""
    return Scenes(world, await world.practice(vendor))


@pytest.mark.timeout(SECONDS_MAX)
@pytest.mark.parametrize("service", ["registry", "gatekeeper"])
async def test_bodies(scenes: Scenes, stack: RunningStack, service: str) -> None:
    """Whatever stands in a body's place is taken, or refused with a pointer to it and nothing done.

    What was taken can be followed by all that follow the ledger.
    """
    described, head = await _described(stack, service), await _head(scenes.world)
    refused = set[str]()
    for row in (each for each in OPERATIONS.values() if each.service == service):
        if (schema := described.body_schema(row.method, row.path)) is None:
            continue
        scene = await scenes.make(row)
        bodies = _some(list(described.bodies(schema, scenes.body(row, scene.ids))), BODIES_MAX)
        answers = await _all(_ask(scenes, row, scene, document=body) for _, body in bodies)
        for (place, body), answer in zip(bodies, answers, strict=True):
            _check(answer, place, f"{row.name}: {body[:200]!r}")
        refused |= {each.headers["X-Request-Id"] for each in answers if each.status >= 400}
    assert refused
    assert not refused & await _recorded_since(scenes.world, head)
    await scenes.world.settled()
    for follower in ("projection", "gatekeeper"):
        assert (await scenes.world.ask(follower, "GET", "/readyz")).status == 200


@pytest.mark.timeout(SECONDS_MAX)
@pytest.mark.parametrize("service", ["registry", "gatekeeper", "audit"])
async def test_addresses(scenes: Scenes, stack: RunningStack, service: str) -> None:
    """Any text in a path or a query is accepted, or refused with a pointer to it."""
    described = await _described(stack, service)
    for row in (each for each in OPERATIONS.values() if (each.service, each.method) == (service, "GET")):
        scene = await scenes.make(row)
        targets = _some(list(_targets(described, row, scenes, scene)), TARGETS_MAX)
        answers = await _all(_ask(scenes, row, scene, target=target) for _, target in targets)
        for (place, target), answer in zip(targets, answers, strict=True):
            _check(answer, place, f"{row.name}: {target[:200]}")


def _targets(described: Described, row: Row, scenes: Scenes, scene: Scene) -> Iterator[tuple[str, str]]:
    needed, texts = scenes.query(row), [text for text in TEXTS if len(text) < TEXT_CHARACTERS_MAX]
    for name in described.query_names(row.method, row.path):
        for text in texts:
            query = {**needed, name: text}
            yield f"/query/{name}", f"{scene.target(row.path)}?{urlencode(query)}"
    if "{key_id}" in row.path:
        for text in texts:
            yield "", f"{scene.target(row.path, key_id=quote(text, safe=''))}?{urlencode(needed)}"


def _check(answer: Answer, place: str, said: str) -> None:
    assert answer.status < 500, said
    if answer.status in {400, 422}:
        for error in answer.body.get("errors", ()):
            pointer, detail = error["pointer"], error["detail"]
            assert pointer.startswith(place) or place.startswith(pointer), (said, error)
            assert detail, said
            assert "\n" not in detail, said


async def _ask(
    scenes: Scenes, row: Row, scene: Scene, *, target: str | None = None, document: bytes | None = None
) -> Answer:
    caller = next(each for each, outcome in row.expected.items() if outcome in {"ok", "empty"})
    who = scenes.claims(row, caller, scene)
    return await scenes.world.ask(
        row.service, row.method, target or scene.target(row.path), who, document=document
    )


async def _all(asked: Iterable[Coroutine[None, None, Answer]]) -> Sequence[Answer]:
    room = asyncio.Semaphore(AT_ONCE)

    async def in_turn(each: Coroutine[None, None, Answer]) -> Answer:
        async with room:
            return await each

    return await asyncio.gather(*map(in_turn, asked))


def _some(of: list[T], most: int) -> list[T]:
    return of if len(of) <= most else Random(most).sample(of, most)


async def _described(stack: RunningStack, service: str) -> Described:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{stack.url(service)}/openapi.json") as answer,
    ):
        return Described(orjson.loads(await answer.read()))


async def _head(world: World) -> int:
    answer = await world.ask("registry", "GET", "/v1/enforcement", OPERATOR)
    return int(answer.body["position"])


async def _recorded_since(world: World, position: int) -> set[str]:
    """Return the id of every request that has left an event in the ledger since then."""
    recorded = set[str]()
    while True:
        page = await world.done("GET", f"/v1/ledger?after={position}&limit=100", OPERATOR)
        recorded |= {event["request_id"] for event in page["items"]}
        if page["next_cursor"] is None:
            return recorded
        position = int(page["next_cursor"])
