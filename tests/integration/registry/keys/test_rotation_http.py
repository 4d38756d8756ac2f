"""Rotation of both kinds of key: a new secret seen once, and an old one that works until its time is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from keyfold.domain.access.key_proof import Credential
from keyfold.runtime.auth.caller import Caller
from keyfold.wire.keys.format import KeyKind, digest_of, read_key
from tests.support.registry.commanding import SetClock
from tests.support.registry.serving import REVIEWER, Answered, Registry, owner, serving, vendor

WEEK_S: Final = 7 * 86_400
ODD_IDS: Final = (
    "nokey",
    "key_",
    "key_short",
    "key_000000000000",
    "key_00000000000%C3%A9",
    "x" * 300,
    "revoke",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A key of either kind, and whoever may rotate it."""

    kind: KeyKind
    caller: Caller
    keys: str
    key: Mapping[str, Any]
    secret: str

    @property
    def path(self) -> str:
        """The key's address."""
        return f"{self.keys}/{self.key['key_id']}"

    async def rotate(self, registry: Registry, overlap_s: object = 60, **headers: str) -> Answered:
        """Ask for another secret."""
        return await registry.ask(
            self.caller, "POST", f"{self.path}/rotate", {"overlap_s": overlap_s}, **headers
        )

    async def listed(self, registry: Registry) -> Mapping[str, Any]:
        """Return the key as the list shows it."""
        items = (await registry.ask(self.caller, "GET", self.keys)).body["items"]
        return dict(next(each for each in items if each["key_id"] == self.key["key_id"]))


async def subscriber(registry: Registry) -> Holder:
    """Make a subscriber key."""
    account_id = await registry.account()
    keys = f"/v1/accounts/{account_id}/keys"
    made = (await registry.ask(owner(account_id), "POST", keys, {"name": "Recalls"})).body
    return Holder(
        kind=KeyKind.SUBSCRIBER, caller=owner(account_id), keys=keys, key=made["key"], secret=made["secret"]
    )


async def vendors(registry: Registry) -> Holder:
    """Issue a vendor key."""
    vendor_id = await registry.approved_vendor()
    keys = f"/v1/vendors/{vendor_id}/keys"
    made = (await registry.ask(REVIEWER, "POST", keys)).body
    return Holder(
        kind=KeyKind.VENDOR, caller=vendor(vendor_id), keys=keys, key=made["key"], secret=made["secret"]
    )


Make = Callable[[Registry], Awaitable[Holder]]
both_kinds = pytest.mark.parametrize("make", [subscriber, vendors])


async def recorded(registry: Registry) -> list[str]:
    """Return every event's data."""
    return [row.data for row, *_ in await registry.ledger.rows_after(0, 1000)]


@both_kinds
async def test_overlap(registry: Registry, make: Make) -> None:
    """The answer has a new secret for the same key and tells until when the old one works, as lists do."""
    holder = await make(registry)
    began = datetime.now(UTC)
    rotated = await holder.rotate(registry, WEEK_S)
    assert (rotated.status, rotated.headers["ETag"]) == (200, '"2"')
    key, secret = rotated.body["key"], rotated.body["secret"]
    presented = read_key(holder.kind, secret)
    assert isinstance(presented, Credential) and presented.key_id == holder.key["key_id"]
    assert secret != holder.secret and secret.endswith(key["secret_hint"][-4:])
    until = datetime.fromisoformat(key["old_secret_works_until"])
    assert timedelta(0) <= until - began - timedelta(days=7) < timedelta(seconds=30)
    assert await holder.listed(registry) == key
    changed = {"secret_hint", "old_secret_works_until", "version"}
    assert {name for name in key if key[name] != holder.key[name]} == changed


@both_kinds
async def test_no_overlap(registry: Registry, make: Make) -> None:
    """Without an overlap the old secret ends with the rotation, also one that an earlier rotation left."""
    holder = await make(registry)
    await holder.rotate(registry, WEEK_S)
    rotated = await holder.rotate(registry, 0)
    assert (rotated.status, rotated.body["key"]["old_secret_works_until"]) == (200, None)
    assert (await holder.listed(registry))["old_secret_works_until"] is None


@both_kinds
async def test_secret_once(registry: Registry, make: Make) -> None:
    """No other answer holds a secret, and the ledger holds its digest alone."""
    holder = await make(registry)
    secret = (await holder.rotate(registry)).body["secret"]
    data = await recorded(registry)
    assert digest_of(secret).hex() in data[-1]
    assert not any(each in row for each in (secret, holder.secret) for row in data)
    listed = await registry.ask(holder.caller, "GET", holder.keys)
    assert secret not in str(listed.body)
    assert "secret" not in listed.body["items"][0]


@both_kinds
async def test_bad_overlap(registry: Registry, make: Make) -> None:
    """An overlap that is no whole number of seconds from 0 to 7 days is refused, and nothing is done."""
    holder = await make(registry)
    for overlap_s in (-1, WEEK_S + 1, 1.5, "60", None, True):
        refused = await holder.rotate(registry, overlap_s)
        assert (refused.status, refused.pointers) == (422, ["/overlap_s"]), overlap_s
    missing = await registry.ask(holder.caller, "POST", f"{holder.path}/rotate", {})
    assert (missing.status, missing.pointers) == (422, ["/overlap_s"])
    assert (await holder.listed(registry))["version"] == 1


@both_kinds
async def test_revoked(registry: Registry, make: Make) -> None:
    """A revoked key gets no other secret: it is not revived."""
    holder = await make(registry)
    await holder.rotate(registry, WEEK_S)
    revoked = await registry.ask(holder.caller, "DELETE", holder.path)
    assert (revoked.body["state"], revoked.body["old_secret_works_until"]) == ("revoked", None)
    refused = await holder.rotate(registry)
    assert (refused.status, refused.slug) == (409, "key-revoked")
    assert (await holder.listed(registry))["version"] == 3


@both_kinds
async def test_condition(registry: Registry, make: Make) -> None:
    """If-Match is held against the key's version: a stale one rotates nothing."""
    holder = await make(registry)
    assert (await holder.rotate(registry, If_Match='"7"')).status == 412
    assert (await holder.rotate(registry, If_Match='"1"')).headers["ETag"] == '"2"'
    assert (await holder.rotate(registry, If_Match='"1"')).status == 412
    assert (await holder.listed(registry))["version"] == 2


@both_kinds
async def test_again(registry: Registry, make: Make) -> None:
    """The same request under the same Idempotency-Key rotates once, and gets the same secret again."""
    holder = await make(registry)
    first = await holder.rotate(registry, Idempotency_Key="again")
    again = await holder.rotate(registry, Idempotency_Key="again")
    assert (again.status, again.body) == (200, first.body)
    assert (again.headers["ETag"], again.headers["Idempotency-Replayed"]) == ('"2"', "true")
    assert (await holder.rotate(registry, 61, Idempotency_Key="again")).slug == "idempotency-key-reused"
    assert (await holder.listed(registry))["version"] == 2


@both_kinds
async def test_absent(registry: Registry, make: Make) -> None:
    """What no key is called, or nobody made, is not found, whatever If-Match says."""
    holder = await make(registry)
    before = await registry.ledger.head()
    for key_id in ODD_IDS:
        for headers in ({}, {"If_Match": '"1"'}):
            path = f"{holder.keys}/{key_id}/rotate"
            refused = await registry.ask(holder.caller, "POST", path, {"overlap_s": 0}, **headers)
            assert (refused.status, refused.slug) == (404, "not-found"), key_id
    assert await registry.ledger.head() == before


async def test_foreign(registry: Registry) -> None:
    """Another tenant's key, or one of the other kind, is not found under one's own address nor its own."""
    ours, theirs, issued = await subscriber(registry), await subscriber(registry), await vendors(registry)
    other = vendor(await registry.approved_vendor("Other", "otis"))
    before = await registry.ledger.head()
    body = {"overlap_s": 0}
    for caller, keys in ((ours.caller, ours.keys), (other, f"/v1/vendors/{other.vendor_id}/keys")):
        for holder in (theirs, issued):
            for path in (holder.path, f"{keys}/{holder.key['key_id']}"):
                refused = await registry.ask(caller, "POST", f"{path}/rotate", body)
                assert refused.status in ({404} if path.startswith(keys) else {403, 404}), path
    assert await registry.ledger.head() == before


async def test_reviewer_and_vendor(registry: Registry) -> None:
    """A vendor key is rotated by its vendor and by a reviewer, and only while the vendor is approved."""
    holder = await vendors(registry)
    body = {"overlap_s": 60}
    assert (await registry.ask(REVIEWER, "POST", f"{holder.path}/rotate", body)).status == 200
    vendor_path = holder.keys.removesuffix("/keys")
    await registry.ask(REVIEWER, "POST", f"{vendor_path}/suspend", {"reason": "a leak"})
    for caller in (holder.caller, REVIEWER):
        refused = await registry.ask(caller, "POST", f"{holder.path}/rotate", body)
        assert (refused.status, refused.slug) == (409, "vendor-not-approved")
    await registry.ask(REVIEWER, "POST", f"{vendor_path}/reinstate")
    assert (await holder.rotate(registry)).status == 200


@both_kinds
async def test_end_by_the_clock(database: str, make: Make) -> None:
    """From its end on the overlap is no longer shown, before anything has recorded that it is over."""
    clock = SetClock()
    async with serving(database, clock=clock) as registry:
        holder = await make(registry)
        await holder.rotate(registry, 60)
        clock.moved_by += timedelta(seconds=59)
        assert (await holder.listed(registry))["old_secret_works_until"] is not None
        clock.moved_by += timedelta(seconds=1)
        shown = await holder.listed(registry)
        assert (shown["old_secret_works_until"], shown["version"]) == (None, 2)
