"""The life of keys and vendors by the `keyfold` command: what is given, taken away, confirmed and shown."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from keyfold.domain.access.decision import Reason
from tests.support.stack.command_line import run_json
from tests.support.stack.forked import Ended
from tests.support.stack.refused import assert_refused
from tests.support.stack.running import RunningStack, freeze
from tests.support.stack.world import READS_PATIENTS, Practice, World

PATIENT = "/v1/patient/7"


async def ended(stack: RunningStack, line: str) -> Ended:
    """Run a command to its end, whatever the result."""
    return await stack.keyfold(*shlex.split(line))


async def test_networks(stack: RunningStack, world: World, practice: Practice) -> None:
    """A key works from the networks that it names, and from anywhere again when they are lifted."""
    key = f"{practice.key_id} --account {practice.account_id} --wait 20"

    elsewhere = await run_json(stack, f"key edit {key} --network 192.0.2.0/24 --network 2001:db8::/32")
    assert (elsewhere["networks"], elsewhere["enforced"]) == (["192.0.2.0/24", "2001:db8::/32"], True)
    assert_refused(await world.request("GET", PATIENT, practice.keys), Reason.NETWORK_NOT_ALLOWED)
    assert (await run_json(stack, f"key edit {key} --network 127.0.0.0/8"))["networks"] == ["127.0.0.0/8"]
    assert (await world.request("GET", PATIENT, practice.keys)).status == 200
    assert (await run_json(stack, f"key edit {key} --any-network"))["networks"] is None
    assert (await world.request("GET", PATIENT, practice.keys)).status == 200


async def test_warnings(stack: RunningStack, practice: Practice) -> None:
    """Granting the most dangerous permissions works, with a warning on standard error; others are quiet."""
    line = f"key edit {practice.key_id} --account {practice.account_id} --permission"

    warned = await ended(stack, f"{line} clinical=write --json")
    quiet = await ended(stack, f"{line} clinical=read --json")

    assert warned.status == quiet.status == 0
    assert warned.json()["permissions"]["clinical"] == "write"
    target, *warnings = warned.err.splitlines()
    assert target.startswith("registry at 127.0.0.1:")
    assert [warning.partition(" ")[0] for warning in warnings] == ["Warning:"]
    assert "clinical" in warned.err
    assert quiet.err == f"{target}\n"


async def test_same_command_again(stack: RunningStack, practice: Practice) -> None:
    """A command sent again with its own Idempotency-Key makes nothing twice, and gets the same answer."""
    line = f"key create Again --account {practice.account_id} --idempotency-key again-{practice.account_id}"

    first, again = await run_json(stack, line), await run_json(stack, line)
    other = await ended(stack, f"{line} --permission patient=read")

    assert first == again
    assert (other.status, "idempotency-key-reused" in other.err) == (1, True)
    keys = await run_json(stack, f"key list --account {practice.account_id}")
    assert [key["name"] for key in keys].count("Again") == 1


async def test_revoke_many(stack: RunningStack, world: World, practice: Practice) -> None:
    """An incident takes one command, with an answer for each key; the status shows if some were not found."""
    others = [await world.another_key(practice, READS_PATIENTS) for _ in range(3)]
    account = f"--account {practice.account_id} --wait 20"
    ids = f"{practice.key_id} {others[0].key_id}"

    some = await ended(stack, f"key revoke {ids} key_nosuchkey000 {account}")
    assert some.status == 1
    assert [item["result"] for item in some.json()["items"]] == ["revoked", "revoked", "not_found"]
    assert some.json()["enforced"] is True
    again = await run_json(stack, f"key revoke {ids} {account}")
    assert [item["result"] for item in again["items"]] == ["already_revoked"] * 2
    assert (await world.request("GET", PATIENT, others[1].keys)).status == 200
    everything = await run_json(stack, f"key revoke --all {account}")

    assert {item["key_id"] for item in everything["items"]} == {others[1].key_id, others[2].key_id}
    for each in (practice, *others):
        assert_refused(await world.request("GET", PATIENT, each.keys), Reason.SUBSCRIBER_KEY_REVOKED)
    edit = await ended(stack, f"key edit {practice.key_id} --account {practice.account_id} --name Back")
    assert (edit.status, "key-revoked" in edit.err) == (1, True)


async def test_unconfirmed(stack: RunningStack, practice: Practice) -> None:
    """A command that a silent gatekeeper has not confirmed is done, and exits with status 3."""
    line = f"key revoke {practice.key_id} --account {practice.account_id}"

    with freeze(stack.pid("gatekeeper")):
        unconfirmed = await ended(stack, f"{line} --wait 1")

    assert unconfirmed.status == 3
    assert "not confirmed within 1 s" in unconfirmed.err
    assert (unconfirmed.json()["state"], unconfirmed.json()["enforced"]) == ("revoked", False)
    assert (await run_json(stack, f"{line} --wait 20"))["enforced"] is True


async def test_histories(stack: RunningStack, practice: Practice) -> None:
    """A key's history says each change with what was before; the account's history has its keys' too."""
    account = f"--account {practice.account_id}"
    await run_json(stack, f"key edit {practice.key_id} {account} --permission clinical=read")

    newest, *_, oldest = await run_json(stack, f"key history {practice.key_id} {account}")
    assert newest["changes"] == [{"field": "permissions.clinical", "before": "none", "after": "read"}]
    assert (oldest["summary"], oldest["actor"]["subject"]) == ("Key created", "oscar")
    whole = await run_json(stack, f"account history {practice.account_id}")
    assert whole[0] == newest
    assert [item["summary"] for item in whole[-2:]] == ["API integrations turned on", "Account opened"]


@pytest.mark.timeout(180)  # a dozen processes, one after the other
async def test_vendor_again(stack: RunningStack) -> None:
    """A vendor amends what it said, is rejected, applies again, and is reviewed from the beginning."""
    details = "--website https://vendor.example --intended-use Reminders --category patient"
    vendor = (
        await run_json(stack, f"vendor apply 'Second Chance' --contact-email second@chance.example {details}")
    )["vendor_id"]
    await run_json(stack, f"vendor review {vendor} security pass")
    amended = await run_json(stack, f"vendor amend {vendor} --name 'Third Chance' --category appointment")
    assert (amended["name"], amended["categories"]) == ("Third Chance", ["appointment"])
    assert [review["counts"] for review in amended["reviews"]] == [False]
    await run_json(stack, f"vendor reject {vendor} --reason 'Too little said.'")
    reapplied = await run_json(
        stack, f"vendor reapply {vendor} --name Fourth --contact-email second@chance.example {details}"
    )
    assert (reapplied["state"], reapplied["name"]) == ("applied", "Fourth")
    assert (await ended(stack, f"vendor approve {vendor}")).status == 1

    told = await run_json(stack, f"vendor history {vendor} --as vendor")
    assert [(item["summary"], item["actor"]["role"], item["reason"]) for item in told[:2]] == [
        ("Application made again", "vendor", None),
        ("Application rejected", "reviewer", "Too little said."),
    ]
    assert told[1]["actor"]["subject"] is None
    assert (await run_json(stack, f"vendor history {vendor}"))[1]["actor"]["subject"] == "local-reviewer"


async def test_vendor_rotation(stack: RunningStack, world: World) -> None:
    """A vendor rotates its own key; both secrets work during the overlap, and stop when it is revoked."""
    vendor = await world.vendor()
    practice = await world.practice(vendor)
    key = f"{vendor.key_id} --vendor {vendor.vendor_id} --as vendor --wait 20"

    rotated = await run_json(stack, f"vendor key rotate {key} --overlap 1h")
    both = (practice.keys, keys_of(practice, rotated))
    assert [(await world.request("GET", PATIENT, keys)).status for keys in both] == [200, 200]
    assert (await run_json(stack, f"vendor key revoke {key}"))["enforced"] is True
    reasons = (Reason.VENDOR_KEY_REPLACED, Reason.VENDOR_KEY_REVOKED)
    for keys, reason in zip(both, reasons, strict=True):
        assert_refused(await world.request("GET", PATIENT, keys), reason)


async def test_taken_away(stack: RunningStack, world: World) -> None:
    """Suspending a vendor, or turning the switch off, is in force when the command says so."""
    practice = await world.practice(await world.vendor())
    vendor = practice.vendor.vendor_id

    assert (await run_json(stack, f"vendor suspend {vendor} --reason finding --wait 20"))["enforced"] is True
    assert_refused(await world.request("GET", PATIENT, practice.keys), Reason.VENDOR_SUSPENDED)
    await run_json(stack, f"vendor reinstate {vendor} --wait 20")
    assert (await world.request("GET", PATIENT, practice.keys)).status == 200
    off = await run_json(stack, f"account integrations off {practice.account_id} --wait 20")
    assert off["enforced"] is True
    assert_refused(await world.request("GET", PATIENT, practice.keys), Reason.INTEGRATIONS_DISABLED)


async def test_state(stack: RunningStack, practice: Practice) -> None:
    """The state at a position or a time is what was shown then; the state now is what is shown now."""
    show = f"key show {practice.key_id} --account {practice.account_id}"
    history = f"key history {practice.key_id} --account {practice.account_id}"
    shown = await run_json(stack, show)
    created = (await run_json(stack, history))[0]
    await run_json(
        stack, f"key edit {practice.key_id} --account {practice.account_id} --permission patient=none"
    )
    shown_now, edited = await run_json(stack, show), (await run_json(stack, history))[0]

    for at, expected in ((created, shown), (edited, shown_now)):
        for point in (at["position"], at["at"]):
            past = await run_json(stack, f"state --at {point} --key {practice.key_id}")
            assert past.pop("position") == at["position"]
            assert past.pop("at") == at["at"]
            assert {name: expected[name] for name in past} == past
    everything = await run_json(stack, f"state --at {created['position']}")
    assert practice.account_id in [account["account_id"] for account in everything["accounts"]]
    unborn = await ended(stack, f"state --at {created['position'] - 1} --key {practice.key_id}")
    assert (unborn.status, "There was no" in unborn.err) == (1, True)


def keys_of(practice: Practice, rotated: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the keys of the practice with the vendor's new secret."""
    return (("x-api-key", rotated["secret"]), practice.keys[1])
