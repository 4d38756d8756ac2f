"""Taking something away is in force when the answer says so: from then on nothing is allowed by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pytest

from keyfold.domain.access.decision import Reason
from keyfold.local.signing import Claims
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.wire.timestamp import format_time, parse_time
from tests.support.eventually import eventually
from tests.support.stack.refused import assert_refused
from tests.support.stack.world import REVIEWER, JsonObject, Practice, World

PATIENT: Final = "/v1/patient/7"
WAIT: Final = (("Prefer", "wait=20"),)
KEY: Final = "/v1/accounts/{account}/keys/{key}"
VENDOR: Final = "/v1/vendors/{vendor}"
SOON: Final = "soon"
SOON_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A command that takes something away. `{...}` in its path stands for what the practice has.

    `at` names the member of the answered key that says from when on, where that is not at once; `allowed` is
    how many requests are allowed still, where a limit is what is new.
    """

    method: str
    path: str
    body: JsonObject | None = None
    reason: Reason
    at: str | None = None
    allowed: int = 0


LOSSES: Final = {
    "a key revoked": Loss(method="DELETE", path=KEY, reason=Reason.SUBSCRIBER_KEY_REVOKED),
    "all keys revoked": Loss(
        method="POST",
        path="/v1/accounts/{account}/keys/revoke",
        body={"all": True},
        reason=Reason.SUBSCRIBER_KEY_REVOKED,
    ),
    "a secret replaced": Loss(
        method="POST", path=KEY + "/rotate", body={"overlap_s": 0}, reason=Reason.SUBSCRIBER_KEY_REPLACED
    ),
    "an overlap ended": Loss(
        method="POST",
        path=KEY + "/rotate",
        body={"overlap_s": 1},
        reason=Reason.SUBSCRIBER_KEY_REPLACED,
        at="old_secret_works_until",
    ),
    "a permission removed": Loss(
        method="PATCH", path=KEY, body={"permissions": {"patient": "none"}}, reason=Reason.CATEGORY_DENIED
    ),
    "networks narrowed": Loss(
        method="PATCH", path=KEY, body={"networks": ["203.0.113.0/24"]}, reason=Reason.NETWORK_NOT_ALLOWED
    ),
    "vendors narrowed": Loss(
        method="PATCH", path=KEY, body={"vendor_ids": ["{other}"]}, reason=Reason.VENDOR_NOT_PERMITTED
    ),
    "an expiry brought forward": Loss(
        method="PATCH",
        path=KEY,
        body={"expires_at": SOON},
        reason=Reason.SUBSCRIBER_KEY_EXPIRED,
        at="expires_at",
    ),
    "a rate limit set": Loss(
        method="PATCH",
        path=KEY,
        body={"rate_limit": {"requests": 1, "per_s": 86_400}},
        reason=Reason.RATE_LIMITED,
        allowed=1,
    ),
    "integrations turned off": Loss(
        method="PUT",
        path="/v1/accounts/{account}/integrations",
        body={"enabled": False},
        reason=Reason.INTEGRATIONS_DISABLED,
    ),
    "a vendor suspended": Loss(
        method="POST", path=VENDOR + "/suspend", body={"reason": "a leak"}, reason=Reason.VENDOR_SUSPENDED
    ),
    "a vendor key revoked": Loss(
        method="DELETE", path=VENDOR + "/keys/{vendor_key}", reason=Reason.VENDOR_KEY_REVOKED
    ),
    "a vendor's secret replaced": Loss(
        method="POST",
        path=VENDOR + "/keys/{vendor_key}/rotate",
        body={"overlap_s": 0},
        reason=Reason.VENDOR_KEY_REPLACED,
    ),
}


@pytest.mark.parametrize("case", LOSSES)
async def test_enforced(world: World, case: str) -> None:
    """The answer says `enforced: true`, and the very next request is refused: nobody waits or asks twice."""
    loss, practice = LOSSES[case], await world.practice(await world.vendor())
    other = (await world.vendor()).vendor_id if case == "vendors narrowed" else ""
    assert (await world.request("GET", PATIENT, practice.keys)).status == 200

    path, body = _filled(loss, practice, other)
    answer = await world.ask("registry", loss.method, path, _who(loss, practice), body, WAIT)

    assert (answer.status, answer.body.get("enforced")) == (200, True), answer.content
    if loss.at is not None:
        key = answer.body.get("key", answer.body)
        await _passed(parse_time(key[loss.at]))
    for _ in range(loss.allowed):
        assert (await world.request("GET", PATIENT, practice.keys)).status == 200
    assert_refused(await world.request("GET", PATIENT, practice.keys), loss.reason)


def _filled(loss: Loss, practice: Practice, other: str) -> tuple[str, JsonObject | None]:
    path = loss.path.format(
        account=practice.account_id,
        key=practice.key_id,
        vendor=practice.vendor.vendor_id,
        vendor_key=practice.vendor.key_id,
    )
    match loss.body:
        case {"vendor_ids": _}:
            return path, {"vendor_ids": [other]}
        case {"expires_at": _}:
            soon = SYSTEM_CLOCK.now() + timedelta(seconds=SOON_S)
            return path, {"expires_at": format_time(soon)}
    return path, loss.body


def _who(loss: Loss, practice: Practice) -> Claims:
    if loss.path.endswith("/suspend"):
        return REVIEWER
    if loss.path.startswith(VENDOR):
        return Claims(role="vendor", sub="vera", vendor_id=practice.vendor.vendor_id)
    return practice.owner


async def _passed(at: datetime) -> None:
    async def is_over() -> bool:
        return SYSTEM_CLOCK.now() > at

    await eventually(is_over)
