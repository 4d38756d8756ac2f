"""Activity on a running stack: as it happens, as a file, and counted."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import shlex

import orjson

from keyfold.local.signing import Claims
from tests.support.eventually import eventually
from tests.support.stack.forked import Ended
from tests.support.stack.running import KEYFOLD, RunningStack, wait_for_end
from tests.support.stack.world import JsonObject, Practice, VendorWithKey, World

TAILED = re.compile(r"\d\d:\d\d:\d\dZ +category_denied +clinical read +GET /v1/note")


async def until_done(world: World, practice: Practice, command: asyncio.Task[Ended]) -> Ended:
    """Make denied requests until a command that waits for some has enough of them."""

    async def asked() -> bool:
        await world.request("GET", "/v1/note", practice.keys)
        return command.done()

    await eventually(asked)
    return await command


async def test_requests_are_told_as_they_are_made(
    stack: RunningStack, world: World, vendor: VendorWithKey
) -> None:
    """`tail` prints each request once, as it is made: as NDJSON, or in colours for a person."""
    practice = await world.practice(vendor)
    arguments = ("activity", "tail", "--account", practice.account_id, "--count", "3")
    piped = await until_done(world, practice, asyncio.create_task(stack.keyfold(*arguments)))
    items = [orjson.loads(line) for line in piped.out.splitlines()]
    assert [item["reason"] for item in items] == ["category_denied"] * 3
    assert len({item["event_id"] for item in items}) == 3

    line = shlex.join([str(KEYFOLD), *arguments])
    typed = shlex.join(["script", "-qec", f"TERM=xterm-256color COLUMNS=100 {line}", "/dev/null"])
    process = await asyncio.create_subprocess_shell(
        typed, cwd=stack.home, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    shown = (await until_done(world, practice, asyncio.create_task(wait_for_end(process)))).out
    assert "\x1b[31mcategory_denied" in shown
    assert len(TAILED.findall(re.sub(r"\x1b\[[0-9;]*m", "", shown))) == 3


async def test_an_operator_finds_what_names_nobody(stack: RunningStack, world: World) -> None:
    """A request without keys is in no account's and no vendor's log, and an operator finds it."""
    asked = "/v1/patient/of-nobody"
    await world.request("GET", asked)

    async def found() -> list[JsonObject] | None:
        listed = await stack.keyfold("activity", "list", "--unattributed", "--reason", "missing_vendor_key")
        return [item for item in listed.json() if item["path"] == asked] or None

    (item,) = await eventually(found)
    assert (item["account_id"], item["key_id"], item["vendor_id"]) == (None, None, None)
    refused = await stack.keyfold("activity", "list", "--as", "owner", "--unattributed")
    assert refused.status == 1


async def test_owner_and_developer_find_what_opened_nothing(
    stack: RunningStack, world: World, vendor: VendorWithKey
) -> None:
    """An owner sees when a replaced secret was tried; a developer what it asked with one key alone."""
    practice = await world.practice(vendor)
    await world.enforced("POST", f"{practice.key_path}/rotate", practice.owner, {"overlap_s": 0})
    await world.request("GET", "/v1/patient/by-old-secret", practice.keys)
    await world.request("GET", "/v1/patient/by-half", practice.keys[:1])

    async def listed(*which: str) -> list[JsonObject] | None:
        items: list[JsonObject] = (await stack.keyfold("activity", "list", *which)).json()
        return [item for item in items if "/v1/patient/by-" in item["path"]] or None

    owner = ("--account", practice.account_id)
    (tried,) = await eventually(lambda: listed(*owner, "--reason", "subscriber_key_replaced"))
    assert (tried["key_id"], tried["vendor_id"]) == (practice.key_id, vendor.vendor_id)
    shown = (await stack.keyfold("key", "show", practice.key_id, *owner)).json()
    assert (shown["last_used_at"], shown["last_refused_at"]) == (None, tried["at"][:17] + "00.000000Z")
    developer = ("--as", "vendor", "--vendor", vendor.vendor_id, "--reason", "missing_subscriber_key")
    (half,) = await eventually(lambda: listed(*developer))
    assert (half["vendor_key_id"], half["key_id"], half["category"]) == (vendor.key_id, None, "patient")


async def test_lists_files_and_counts_agree(stack: RunningStack, world: World, vendor: VendorWithKey) -> None:
    """What a list shows is what an export has and what a summary counts, for owner and vendor alike."""
    practice = await world.practice(vendor)
    for path in ("/v1/patient", "/v1/appointment", "/v1/note", "/v1/patient?name=hidden"):
        await world.request("GET", path, practice.keys)
    log = await world.whole_log(practice)

    as_owner = ("--account", practice.account_id)
    exported = await stack.keyfold("activity", "export", *as_owner)
    assert [line["event_id"] for line in csv.DictReader(io.StringIO(exported.out))] == [
        item["event_id"] for item in log
    ]
    assert "hidden" not in exported.out
    counted = (await stack.keyfold("activity", "summary", *as_owner, "--bucket", "hour")).json()
    assert sum(item["requests"] for item in counted) == 4
    assert {item["category"] for item in counted} == {"patient", "appointment", "clinical"}

    as_vendor = Claims(role="vendor", sub="vera", vendor_id=vendor.vendor_id)
    target = f"/v1/vendors/{vendor.vendor_id}/activity/export?format=ndjson&key_id={practice.key_id}"
    answer = await world.ask("audit", "GET", target, as_vendor)
    assert {item["key_name"] for item in log} != {None}
    told = [{**item, "key_name": None} for item in log]  # what the practice calls its key is its own word
    assert [orjson.loads(line) for line in answer.content.splitlines()] == told
