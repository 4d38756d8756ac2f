"""Every reason for which a request is refused, through the gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest

from keyfold.domain.access.decision import Reason
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.wire.keys.format import KeyKind, mint
from keyfold.wire.timestamp import format_time
from tests.support.eventually import eventually
from tests.support.stack.refused import assert_refused
from tests.support.stack.world import REVIEWER, Pairs, Practice, VendorWithKey, World

PATIENT, PATIENTS, NOTE = "/v1/patient/7", "/v1/patient", "/v1/note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that must be refused."""

    headers: Pairs
    method: str = "GET"
    target: str = PATIENT


Arrange = Callable[[World, Practice], Awaitable[Asked]]


async def missing_vendor_key(world: World, practice: Practice) -> Asked:
    """Send the subscriber key alone."""
    return Asked(headers=practice.keys[1:])


async def missing_subscriber_key(world: World, practice: Practice) -> Asked:
    """Send the vendor key alone."""
    return Asked(headers=practice.keys[:1])


async def swapped_keys(world: World, practice: Practice) -> Asked:
    """Send each key in the other's header."""
    return Asked(headers=(("x-api-key", practice.secret), ("A-api-key", practice.vendor.secret)))


async def mistyped_key(world: World, practice: Practice) -> Asked:
    """Change one character of a key."""
    middle = len(practice.secret) // 2
    wrong = "a" if practice.secret[middle] != "a" else "b"
    typo = practice.secret[:middle] + wrong + practice.secret[middle + 1 :]
    return Asked(headers=(practice.keys[0], ("A-api-key", typo)))


async def unknown_vendor_key(world: World, practice: Practice) -> Asked:
    """Send a well-formed vendor key that nobody issued."""
    return Asked(headers=(("x-api-key", minted(KeyKind.VENDOR, practice.vendor.key_id)), practice.keys[1]))


async def unknown_subscriber_key(world: World, practice: Practice) -> Asked:
    """Send another secret with the id of an existing key."""
    return Asked(headers=(practice.keys[0], ("A-api-key", minted(KeyKind.SUBSCRIBER, practice.key_id))))


async def vendor_key_replaced(world: World, practice: Practice) -> Asked:
    """Send the secret of a vendor's key that was replaced."""
    own = await world.practice(await world.vendor())
    path = f"/v1/vendors/{own.vendor.vendor_id}/keys/{own.vendor.key_id}/rotate"
    await world.enforced("POST", path, REVIEWER, {"overlap_s": 0})
    return Asked(headers=own.keys)


async def subscriber_key_replaced(world: World, practice: Practice) -> Asked:
    """Send the secret of a practice's key that was replaced."""
    await world.enforced("POST", f"{practice.key_path}/rotate", practice.owner, {"overlap_s": 0})
    return Asked(headers=practice.keys)


async def vendor_key_revoked(world: World, practice: Practice) -> Asked:
    """Revoke the vendor's key."""
    own = await world.practice(await world.vendor())
    vendor = own.vendor
    await world.enforced("DELETE", f"/v1/vendors/{vendor.vendor_id}/keys/{vendor.key_id}", REVIEWER)
    return Asked(headers=own.keys)


async def vendor_suspended(world: World, practice: Practice) -> Asked:
    """Suspend the vendor."""
    own = await world.practice(await world.vendor())
    await suspended(world, own.vendor)
    return Asked(headers=own.keys)


async def subscriber_key_revoked(world: World, practice: Practice) -> Asked:
    """Revoke the subscriber key."""
    await world.enforced("DELETE", practice.key_path, practice.owner)
    return Asked(headers=practice.keys)


async def subscriber_key_expired(world: World, practice: Practice) -> Asked:
    """Let the subscriber key expire, without any event."""
    soon = format_time(SYSTEM_CLOCK.now() + timedelta(seconds=1))
    expiring = await world.another_key(practice, {"patient": "read"}, expires_at=soon)

    async def refused() -> bool:
        return (await world.request("GET", PATIENT, expiring.keys)).status != 200

    await eventually(refused, within_s=5)
    return Asked(headers=expiring.keys)


async def network_not_allowed(world: World, practice: Practice) -> Asked:
    """Let the key be used from networks alone that the test is not in."""
    elsewhere = ["203.0.113.0/24", "2001:db8::/32"]
    networked = await world.another_key(practice, {"patient": "read"}, networks=elsewhere)
    return Asked(headers=(*networked.keys, ("X-Forwarded-For", "203.0.113.9")))


async def integrations_disabled(world: World, practice: Practice) -> Asked:
    """Turn the account's integrations off."""
    await world.enforced("PUT", f"{practice.path}/integrations", practice.owner, {"enabled": False})
    return Asked(headers=practice.keys)


async def vendor_not_permitted(world: World, practice: Practice) -> Asked:
    """Let only another vendor use the key."""
    other = await world.vendor()
    named = await world.another_key(practice, {"patient": "read"}, vendor_ids=[other.vendor_id])
    return Asked(headers=named.keys)


async def ambiguous_request(world: World, practice: Practice) -> Asked:
    """Ask for a path that can be read in two ways."""
    return Asked(headers=practice.keys, target="/v1/note/..%2Fpatient")


async def unmapped_route(world: World, practice: Practice) -> Asked:
    """Ask for what no route names."""
    return Asked(headers=practice.keys, target="/v1/weather")


async def category_denied(world: World, practice: Practice) -> Asked:
    """Ask for data of a category at `none`."""
    return Asked(headers=practice.keys, target=NOTE)


async def read_only(world: World, practice: Practice) -> Asked:
    """Write where the key only reads."""
    return Asked(headers=practice.keys, method="POST", target=PATIENTS)


async def rate_limited(world: World, practice: Practice) -> Asked:
    """Use all of the key up that it may be used in a day."""
    once = {"requests": 1, "per_s": 86_400}
    limited = await world.another_key(practice, {"patient": "read"}, rate_limit=once)
    assert (await world.request("GET", PATIENT, limited.keys)).status == 200
    return Asked(headers=limited.keys)


CASES: Mapping[Arrange, Reason] = {
    missing_vendor_key: Reason.MISSING_VENDOR_KEY,
    missing_subscriber_key: Reason.MISSING_SUBSCRIBER_KEY,
    swapped_keys: Reason.MALFORMED_KEY,
    mistyped_key: Reason.MALFORMED_KEY,
    unknown_vendor_key: Reason.UNKNOWN_VENDOR_KEY,
    unknown_subscriber_key: Reason.UNKNOWN_SUBSCRIBER_KEY,
    vendor_key_replaced: Reason.VENDOR_KEY_REPLACED,
    subscriber_key_replaced: Reason.SUBSCRIBER_KEY_REPLACED,
    vendor_key_revoked: Reason.VENDOR_KEY_REVOKED,
    vendor_suspended: Reason.VENDOR_SUSPENDED,
    subscriber_key_revoked: Reason.SUBSCRIBER_KEY_REVOKED,
    subscriber_key_expired: Reason.SUBSCRIBER_KEY_EXPIRED,
    network_not_allowed: Reason.NETWORK_NOT_ALLOWED,
    integrations_disabled: Reason.INTEGRATIONS_DISABLED,
    vendor_not_permitted: Reason.VENDOR_NOT_PERMITTED,
    ambiguous_request: Reason.AMBIGUOUS_REQUEST,
    unmapped_route: Reason.UNMAPPED_ROUTE,
    category_denied: Reason.CATEGORY_DENIED,
    read_only: Reason.READ_ONLY,
    rate_limited: Reason.RATE_LIMITED,
}


@pytest.mark.parametrize("arrange", CASES, ids=lambda arrange: arrange.__name__)
async def test_refusal(world: World, practice: Practice, arrange: Arrange) -> None:
    """A request is refused with the status of its reason, and the reason exactly once, with a problem."""
    asked = await arrange(world, practice)

    answer = await world.request(asked.method, asked.target, asked.headers)

    assert_refused(answer, CASES[arrange])


def test_every_reason() -> None:
    """Each reason is shown here but `stale`, for which a stack must lose its ledger."""
    assert set(Reason) - set(CASES.values()) == {Reason.STALE}


async def test_own_network(world: World, practice: Practice) -> None:
    """A key that is restricted to networks works from them, by the address that the gateway sees."""
    here = await world.another_key(practice, {"patient": "read"}, networks=["127.0.0.0/8", "::1/128"])
    assert (await world.request("GET", PATIENT, here.keys)).status == 200


async def test_wrong_keys_alike(world: World, practice: Practice) -> None:
    """An outsider cannot tell a key id that exists, even revoked, from one that does not."""
    await world.enforced("DELETE", practice.key_path, practice.owner)
    there = minted(KeyKind.SUBSCRIBER, practice.key_id)
    not_there = minted(KeyKind.SUBSCRIBER, "key_ABCabc012345")

    answers = [
        await world.request("GET", PATIENT, (practice.keys[0], ("A-api-key", secret)))
        for secret in (there, not_there)
    ]

    assert [answer.reasons for answer in answers] == [["unknown_subscriber_key"]] * 2


async def test_revived(world: World, practice: Practice) -> None:
    """Turning integrations on again, and reinstating a vendor, revive keys as they were."""
    own = await world.practice(await world.vendor())
    for enabled, reasons in ((False, ["integrations_disabled"]), (True, [])):
        await world.enforced("PUT", f"{own.path}/integrations", own.owner, {"enabled": enabled})
        assert (await world.request("GET", PATIENT, own.keys)).reasons == reasons
    await suspended(world, own.vendor)
    assert (await world.request("GET", PATIENT, own.keys)).reasons == ["vendor_suspended"]
    await world.enforced("POST", f"/v1/vendors/{own.vendor.vendor_id}/reinstate", REVIEWER)
    assert (await world.request("GET", PATIENT, own.keys)).status == 200


async def suspended(world: World, vendor: VendorWithKey) -> None:
    """Suspend a vendor."""
    await world.enforced(
        "POST", f"/v1/vendors/{vendor.vendor_id}/suspend", REVIEWER, {"reason": "A finding."}
    )


def minted(kind: KeyKind, key_id: str) -> str:
    """Return a well-formed key with this id, and a secret that never existed."""
    return mint(kind, key_id.removeprefix("key_"), bytes(32)).secret
