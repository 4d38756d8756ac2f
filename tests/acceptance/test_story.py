"""The whole story over HTTP, from an account that does not exist to the log of its key's requests."""

from __future__ import annotations

from typing import Any

from keyfold.local.signing import Claims
from tests.support.eventually import eventually
from tests.support.stack.world import OPERATOR, REVIEWER, Practice, World, applicant, application

CATEGORIES = ("appointment", "clinical", "contact", "files", "financial", "patient", "system")
ALL_NONE = dict.fromkeys(CATEGORIES, "none")


async def test_vendor_is_let_in(world: World) -> None:
    """A vendor gets keys once it has passed both reviews and was approved, and not earlier."""
    vendor = await world.done("POST", "/v1/vendors", applicant(10_001), application("Late Bird"))
    path = f"/v1/vendors/{vendor['vendor_id']}"
    assert vendor["state"] == "applied"

    assert (await world.ask("registry", "POST", f"{path}/keys", REVIEWER)).status == 409
    assert (await world.ask("registry", "POST", f"{path}/approve", REVIEWER)).status == 409
    await world.done("POST", f"{path}/reviews", REVIEWER, review("security", "pass"))
    await world.done("POST", f"{path}/reviews", REVIEWER, review("compliance", "fail"))
    assert (await world.ask("registry", "POST", f"{path}/approve", REVIEWER)).status == 409
    await world.done("POST", f"{path}/reviews", REVIEWER, review("compliance", "pass"))
    approved = await world.done("POST", f"{path}/approve", REVIEWER)
    issued = await world.done("POST", f"{path}/keys", REVIEWER)

    assert approved["state"] == "approved"
    assert issued["secret"].startswith("kfv_live_")


def review(kind: str, verdict: str) -> dict[str, str]:
    """Return a review."""
    return {"kind": kind, "verdict": verdict, "notes": "seen"}


async def test_account_starts_shut(world: World) -> None:
    """A new account has its integrations off."""
    account = await world.done("POST", "/v1/accounts", OPERATOR, {"name": "Shut Practice"})

    assert account["integrations_enabled"] is False


async def test_secret_is_seen_once(world: World, practice: Practice) -> None:
    """A key's secret is in the answer that made it, and in no later one; all seven permissions are named."""
    made = await world.done("GET", practice.key_path, practice.owner)
    listed = await world.ask("registry", "GET", f"{practice.path}/keys", practice.owner)

    assert practice.secret.startswith("kfs_live_")
    assert made["permissions"] == ALL_NONE | {"appointment": "write", "patient": "read"}
    assert practice.secret not in listed.content.decode()
    assert listed.body["items"] == [made]


async def test_edit_is_obeyed(world: World, practice: Practice) -> None:
    """After an edit the next requests obey it, in both directions, and what was not named is unchanged."""
    assert (await world.request("GET", "/v1/note", practice.keys)).reasons == ["category_denied"]

    granted = {"permissions": {"clinical": "read", "patient": "none"}}
    await world.enforced("PATCH", practice.key_path, practice.owner, granted)

    assert (await world.request("GET", "/v1/note", practice.keys)).status == 200
    assert (await world.request("POST", "/v1/note", practice.keys)).reasons == ["read_only"]
    assert (await world.request("GET", "/v1/patient", practice.keys)).reasons == ["category_denied"]
    assert (await world.request("POST", "/v1/appointment", practice.keys)).status == 200


async def test_revocation_is_for_ever(world: World, practice: Practice) -> None:
    """A revoked key stops, is still shown, is revoked once however often one asks, and cannot be edited."""
    assert (await world.request("GET", "/v1/patient", practice.keys)).status == 200

    revoked = await world.enforced("DELETE", practice.key_path, practice.owner)
    again = await world.done("DELETE", practice.key_path, practice.owner)
    edit = await world.ask("registry", "PATCH", practice.key_path, practice.owner, {"name": "Alive"})

    assert (await world.request("GET", "/v1/patient", practice.keys)).reasons == ["subscriber_key_revoked"]
    assert revoked["state"] == again["state"] == "revoked"
    assert revoked["version"] == again["version"]
    assert edit.status == 409


async def test_tenants_do_not_meet(world: World, practice: Practice) -> None:
    """An owner gets 404 for everything of another account, and does not learn what exists there."""
    stranger = await world.practice(practice.vendor)
    for method, path, body in (
        ("GET", practice.path, None),
        ("GET", f"{practice.path}/keys", None),
        ("GET", practice.key_path, None),
        ("PATCH", practice.key_path, {"name": "Mine"}),
        ("DELETE", practice.key_path, None),
        ("PUT", f"{practice.path}/integrations", {"enabled": False}),
        ("GET", f"{stranger.path}/keys/{practice.key_id}", None),
        ("DELETE", f"{stranger.path}/keys/{practice.key_id}", None),
    ):
        answer = await world.ask("registry", method, path, stranger.owner, body)
        assert answer.status == 404, (method, path)
    activity = await world.ask("audit", "GET", f"{practice.path}/activity", stranger.owner)
    assert activity.status == 404
    assert (await world.request("GET", "/v1/patient", practice.keys)).status == 200


async def test_log_shows_each_request_once(world: World, practice: Practice) -> None:
    """The log has each request once, newest first: when, which key and vendor, what data, what answer."""
    asked = [
        ("GET", "/v1/patient/7?name=x", "/v1/patient/7", "patient", "read", None),
        ("POST", "/v1/appointment", "/v1/appointment", "appointment", "write", None),
        ("GET", "/v1/note", "/v1/note", "clinical", "read", "category_denied"),
        ("DELETE", "/v1/patient/7", "/v1/patient/7", "patient", "write", "read_only"),
        ("GET", "/v1/weather", "/v1/weather", None, None, "unmapped_route"),
    ]
    answers = [await world.request(method, target, practice.keys) for method, target, *_ in asked]

    items = await world.whole_log(practice)

    expected = [
        {
            "account_id": practice.account_id,
            "key_id": practice.key_id,
            "vendor_id": practice.vendor.vendor_id,
            "vendor_key_id": practice.vendor.key_id,
            "method": method,
            "path": path,
            "category": category,
            "access": access,
            "reason": reason,
            "decision": "deny" if reason else "allow",
        }
        for method, _, path, category, access, reason in reversed(asked)
    ]
    assert [{name: item[name] for name in expected[0]} for item in items] == expected
    denials = [answer.headers["X-Keyfold-Decision"] for answer in answers if answer.reasons]
    assert [item["event_id"] for item in items if item["decision"] == "deny"] == denials[::-1]
    assert [item["at"] for item in items] == sorted((item["at"] for item in items), reverse=True)


async def test_vendor_sees_its_own(world: World, practice: Practice) -> None:
    """A vendor finds its request in its own log, with the reason of the refusal."""
    refused = await world.request("GET", "/v1/note", practice.keys)
    vendor_id = practice.vendor.vendor_id
    path = f"/v1/vendors/{vendor_id}/activity?key_id={practice.key_id}"
    itself = Claims(role="vendor", sub="vera", vendor_id=vendor_id)

    async def seen() -> list[dict[str, Any]] | None:
        return (await world.ask("audit", "GET", path, itself)).body["items"] or None

    (item,) = await eventually(seen)
    assert item["event_id"] == refused.headers["X-Keyfold-Decision"]
    assert item["reason"] == "category_denied"
