"""Who may call what: each operation that a service describes, called by every kind of caller."""

from __future__ import annotations

import aiohttp
import orjson
import pytest

from keyfold.local.service_specs import SERVICES
from tests.support.stack.access_scenes import Scene, Scenes
from tests.support.stack.access_table import CONSOLE, ROWS, Caller, Row
from tests.support.stack.running import RunningStack
from tests.support.stack.world import Answer, VendorWithKey, World

CELLS = 1289
OF_THE_CALLER = {
    "vendor-exists",
    "login-needs-none",
    "invitation-for-another",
    "last-login",
    "no-next-seal-key",
}


@pytest.fixture(scope="module")
async def scenes(world: World, vendor: VendorWithKey) -> Scenes:
    """A stack that also has somebody else's practice."""
    return Scenes(world, await world.practice(vendor))


async def test_every_operation_has_a_row_and_every_row_an_operation(stack: RunningStack) -> None:
    """The table has exactly the operations that services describe in their OpenAPI documents."""
    described = set[tuple[str, str, str]]()
    async with aiohttp.ClientSession() as session:
        for spec in SERVICES:
            async with session.get(f"{stack.url(spec.name)}/openapi.json") as answer:
                paths = orjson.loads(await answer.read())["paths"]
            described |= {
                (spec.name, method.upper(), path) for path, methods in paths.items() for method in methods
            }
    assert {row.operation for row in ROWS if row.service != CONSOLE} == described


def test_the_size_of_the_table() -> None:
    """The table has this many cells: whoever adds an operation changes this number too."""
    assert sum(len(row.expected) for row in ROWS) == CELLS


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_who_may_call(scenes: Scenes, row: Row) -> None:
    """Each caller of the operation gets what the table says.

    Those who are turned away come first and on the same things, so that whoever may call then finds that
    nothing was done. HEAD is answered as GET is.
    """
    scene = await scenes.make(row)
    found: dict[Caller, str] = {}
    for caller in sorted(row.expected, key=lambda each: row.expected[each] == "ok"):
        expected = row.expected[caller]
        answer = await scenes.call(row, caller, scene)
        found[caller] = _outcome(answer, expected)
        await _check_what_is_hidden(scenes, row, caller, scene, answer)
        if "/accounts/{" in row.path or "/vendors/{" in row.path:
            assert _of_others(scenes, answer) == [], caller
        if row.method == "GET":
            assert (await scenes.call(row, caller, scene, method="HEAD")).status == answer.status
        elif expected == "ok":
            scene = await scenes.make(row)
    assert found == row.expected


async def _check_what_is_hidden(
    scenes: Scenes, row: Row, caller: Caller, scene: Scene, answer: Answer
) -> None:
    """Check that what is another tenant's looks exactly like what does not exist."""
    if answer.status != 404 and caller is not Caller.ASTRAY:
        return
    nothing = await scenes.call(row, caller, scene, is_real=False)
    assert (nothing.status, _told(nothing)) == (answer.status, _told(answer)), caller
    assert nothing.headers.keys() == answer.headers.keys()


def _of_others(scenes: Scenes, answer: Answer) -> list[str]:
    other = scenes.other
    ids = (other.account_id, other.key_id, other.vendor.vendor_id, other.vendor.key_id)
    said = orjson.dumps(_told(answer)).decode() if answer.content else ""
    return [each for each in ids if each in said]


def _told(answer: Answer) -> object:
    if not answer.content_type.endswith("json"):
        return answer.content.decode()
    # `instance` repeats the path that was asked for, and tells nothing that the caller did not say.
    return {name: value for name, value in answer.body.items() if name != "instance"}


def _is_empty(answer: Answer) -> bool:
    match answer.content_type:
        case "text/csv":
            return answer.content.count(b"\n") == 1
        case "text/event-stream":
            return b"data:" not in answer.content
        case _:
            return bool(answer.body["items"] == [])


def _outcome(answer: Answer, expected: str) -> str:
    if 200 <= answer.status < 300:
        return "empty" if expected == "empty" and _is_empty(answer) else "ok"
    if answer.status == 409:
        assert answer.body["type"].rpartition(":")[2] in OF_THE_CALLER
    return str(answer.status)
