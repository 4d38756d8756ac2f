"""Secrets replaced while in use: through a restart, and while no registry runs to end an overlap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from keyfold.domain.access.decision import Reason
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.support.eventually import eventually
from tests.support.stack.refused import assert_refused
from tests.support.stack.running import RunningStack, freeze
from tests.support.stack.world import READS_PATIENTS, JsonObject, Practice, World

PATIENT = "/v1/patient/7"
OVERLAP_S = 8
ENDED = "The replaced secret stopped working"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotations:
    """Two keys in an overlap, each with its old and its new secret; the short overlap ends at that time."""

    long: Practice
    long_after: Practice
    short: Practice
    short_after: Practice
    short_ends_at: str


async def begin(stack: RunningStack, world: World) -> Rotations:
    """Rotate two keys, and check that both secrets of each work."""
    long = await world.practice(await world.vendor())
    short = await world.another_key(long, READS_PATIENTS)
    long_after, _ = await rotate(stack, long, "7d")
    short_after, short_ends_at = await rotate(stack, short, f"{OVERLAP_S}s")
    for practice in (long, long_after, short, short_after):
        assert (await world.request("GET", PATIENT, practice.keys)).status == 200
    return Rotations(
        long=long,
        long_after=long_after,
        short=short,
        short_after=short_after,
        short_ends_at=short_ends_at,
    )


async def check_ended(stack: RunningStack, world: World, before: Rotations) -> None:
    """See after a restart that the short overlap ended while nothing ran, and another one while no registry
    does; the long one goes on until it is rotated again. The history has each end exactly once.
    """
    long, long_after, short = before.long, before.long_after, before.short
    for practice in (long, long_after, before.short_after):
        assert (await world.request("GET", PATIENT, practice.keys)).status == 200
    assert_refused(await world.request("GET", PATIENT, short.keys), Reason.SUBSCRIBER_KEY_REPLACED)
    end = await end_of_overlap(stack, short)
    assert [end["actor"]["role"], end["changes"][0]["before"]] == ["keyfold", before.short_ends_at]

    newest, ends_at = await rotate(stack, long, f"{OVERLAP_S}s")
    assert_refused(await world.request("GET", PATIENT, long.keys), Reason.SUBSCRIBER_KEY_REPLACED)
    assert (await world.request("GET", PATIENT, long_after.keys)).status == 200
    with freeze(stack.pid("registry")):
        await wait_until(ends_at)
        assert_refused(await world.request("GET", PATIENT, long_after.keys), Reason.SUBSCRIBER_KEY_REPLACED)
        assert (await world.request("GET", PATIENT, newest.keys)).status == 200
    await end_of_overlap(stack, long)
    await nothing_happens_twice(stack, short, long)


async def rotate(stack: RunningStack, practice: Practice, overlap: str) -> tuple[Practice, str]:
    """Return the practice with its new secret, in force everywhere, and when the old one stops."""
    line = f"key rotate {practice.key_id} --account {practice.account_id} --overlap {overlap} --wait 20"
    done = await stack.keyfold(*line.split())
    assert done.status == 0, done.err
    answer = done.json()
    return replace(practice, secret=answer["secret"]), answer["key"]["old_secret_works_until"]


async def wait_until(instant: str) -> None:
    """Return when this time has passed."""

    async def is_past() -> bool:
        return SYSTEM_CLOCK.now() > datetime.fromisoformat(instant)

    await eventually(is_past)


async def history(stack: RunningStack, practice: Practice) -> list[JsonObject]:
    """Return the history of the practice's key, newest first."""
    done = await stack.keyfold("key", "history", practice.key_id, "--account", practice.account_id)
    assert done.status == 0, done.err
    items: list[JsonObject] = done.json()
    return items


async def end_of_overlap(stack: RunningStack, practice: Practice) -> JsonObject:
    """Return the end of the key's overlap once the history has it."""

    async def found() -> JsonObject | None:
        newest = (await history(stack, practice))[0]
        return newest if newest["summary"] == ENDED else None

    return await eventually(found)


async def nothing_happens_twice(stack: RunningStack, short: Practice, long: Practice) -> None:
    """Check that each overlap has ended once; the one that a rotation cut short ended with the rotation."""
    endings = [
        [item["summary"] for item in await history(stack, practice)].count(ENDED)
        for practice in (short, long)
    ]
    assert endings == [1, 1]
