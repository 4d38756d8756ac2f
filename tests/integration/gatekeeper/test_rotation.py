"""Rotations as gateways see them: two secrets during the overlap, then one, without any event."""

from __future__ import annotations

from datetime import timedelta

from keyfold.domain.access.decision import Reason
from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyOverlapEnded, SubscriberKeyRotated
from keyfold.domain.lifecycle.vendor_key import VendorKeyRotated
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.wire.keys.format import KeyKind, MintedKey
from tests.support.eventually import eventually
from tests.support.gatekeeper.practice import (
    ACCOUNT,
    BOTH,
    KEY,
    VENDOR_KEY,
    mint_again,
    practice,
    rotated,
    vendor_rotated,
)
from tests.support.gatekeeper.world import Gatekeeper, World

HOUR = timedelta(hours=1)
NEW_KEY, NEWER_KEY = (mint_again(KeyKind.SUBSCRIBER, KEY, number) for number in (1001, 1002))
NEW_VENDOR_KEY = mint_again(KeyKind.VENDOR, VENDOR_KEY, 1003)


def rotated_now(new: MintedKey, overlap: timedelta | None) -> SubscriberKeyRotated:
    """Return the rotation of the subscriber key, now."""
    now = SYSTEM_CLOCK.now()
    return rotated(new, at=now, overlap_ends_at=None if overlap is None else now + overlap)


def vendor_rotated_now() -> VendorKeyRotated:
    """Return the rotation of the vendor key, now, with an overlap of an hour."""
    now = SYSTEM_CLOCK.now()
    return vendor_rotated(NEW_VENDOR_KEY, at=now, overlap_ends_at=now + HOUR)


async def refusal(gatekeeper: Gatekeeper, **changed: MintedKey) -> str | None:
    """Return why a pair of keys is refused."""
    keys = {"vendor": VENDOR_KEY, "subscriber": KEY, **changed}
    headers = {"x-api-key": keys["vendor"].secret, "A-api-key": keys["subscriber"].secret}
    return (await gatekeeper.ask("GET", "/v1/patient", headers)).reason


async def test_overlap(world: World) -> None:
    """During an overlap either secret works; a further rotation leaves the last two, or only the last."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper() as gatekeeper:
        assert await refusal(gatekeeper, subscriber=NEW_KEY) == Reason.UNKNOWN_SUBSCRIBER_KEY
        await gatekeeper.reaches(await world.record(rotated_now(NEW_KEY, HOUR), vendor_rotated_now()))
        for vendor in (VENDOR_KEY, NEW_VENDOR_KEY):
            for subscriber in (KEY, NEW_KEY):
                assert await refusal(gatekeeper, vendor=vendor, subscriber=subscriber) is None
        assert {record.key_id for record in gatekeeper.journal()[1:]} == {KEY.key_id}
        await gatekeeper.reaches(await world.record(rotated_now(NEWER_KEY, HOUR)))
        assert await refusal(gatekeeper) == Reason.SUBSCRIBER_KEY_REPLACED
        assert await refusal(gatekeeper, subscriber=NEW_KEY) is None
        await gatekeeper.reaches(await world.record(rotated_now(KEY, None)))
        for gone in (NEW_KEY, NEWER_KEY):
            assert await refusal(gatekeeper, subscriber=gone) == Reason.SUBSCRIBER_KEY_REPLACED
        assert await refusal(gatekeeper) is None


async def test_end(world: World) -> None:
    """At the overlap's end the old secret stops by itself; the event that records it changes nothing."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper() as gatekeeper:
        rotation = rotated_now(NEW_KEY, timedelta(seconds=2))
        await gatekeeper.reaches(await world.record(rotation))
        assert await refusal(gatekeeper) is None
        await eventually(lambda: refusal(gatekeeper))
        assert rotation.overlap_ends_at is not None
        last = [record for record in gatekeeper.journal() if record.reason is None][-1]
        first = next(record for record in gatekeeper.journal() if record.reason is not None)
        assert last.at < rotation.overlap_ends_at <= first.at
        assert (first.reason, first.key_id) == (Reason.SUBSCRIBER_KEY_REPLACED, KEY.key_id)
        ended = SubscriberKeyOverlapEnded(
            key_id=KEY.key_id, account_id=ACCOUNT, ended_at=rotation.overlap_ends_at
        )
        await gatekeeper.reaches(await world.record(ended))
        assert await refusal(gatekeeper) == Reason.SUBSCRIBER_KEY_REPLACED
        assert await refusal(gatekeeper, subscriber=NEW_KEY) is None


async def test_across_a_restart(world: World) -> None:
    """A gatekeeper that starts during an overlap, from the read model alone, knows both secrets."""
    await world.append(*practice(), rotated_now(NEW_KEY, HOUR), vendor_rotated_now())
    await world.project()
    async with world.gatekeeper() as gatekeeper:
        for subscriber in (KEY, NEW_KEY):
            assert await refusal(gatekeeper, vendor=NEW_VENDOR_KEY, subscriber=subscriber) is None
        assert (await gatekeeper.ask("GET", "/v1/patient", BOTH)).status == 200
