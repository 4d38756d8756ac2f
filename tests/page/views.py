"""A practice, an integration and the platform's people at work, and every view of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from libs.runtime.clock import SYSTEM_CLOCK
from tests.acceptance.running import RunningStack
from tests.acceptance.world import Practice, World
from tests.page.browsers import let_in

HOME: Final = "/settings/integrations/api"
ASKED: Final = (
    ("GET", "/v1/patient/7"),
    ("GET", "/v1/appointment?day=1"),
    ("POST", "/v1/appointment"),
    ("GET", "/v1/note/9"),
    ("GET", "/v1/invoice/3"),
    ("DELETE", "/v1/patient/7"),
)
HOSTILE: Final = "<script>alert(1)</script> \"' & ünï 🦷 " + "long " * 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Who signs in by which name, and where everything of theirs is."""

    names: Mapping[str, str]
    practice: Practice
    decision_id: str

    def views(self) -> Mapping[str, tuple[str, str]]:
        """Return each view by a name: whose it is, and its address."""
        key = f"{HOME}/keys/{self.practice.key_id}"
        vendor = self.practice.vendor.vendor_id
        return {
            "keys": ("owner", HOME),
            "add-key": ("owner", f"{HOME}/keys/new"),
            "key": ("owner", key),
            "edit": ("owner", f"{key}/edit"),
            "rotate": ("owner", f"{key}/rotate"),
            "revoke": ("owner", f"{key}/revoke"),
            "stop": ("owner", f"{HOME}/stop"),
            "activity": ("owner", f"{HOME}/activity"),
            "activity-by-category": ("owner", f"{HOME}/activity?range=30d&chart=category"),
            "activity-nothing": ("owner", f"{HOME}/activity?reason=stale&category=files"),
            "key-activity": ("owner", f"{key}/activity?range=90d"),
            "request": ("owner", f"/decisions/{self.decision_id}"),
            "vendor": ("vendor", "/vendor"),
            "vendor-activity": ("vendor", "/vendor/activity"),
            "reviews": ("reviewer", "/reviews"),
            "review": ("reviewer", f"/reviews/{vendor}"),
            "operations": ("operator", "/operations"),
            "not-found": ("owner", "/nowhere"),
            "not-allowed": ("owner", "/operations"),
        }


async def scene(world: World, stack: RunningStack) -> Scene:
    """Set it up: keys in every state, hostile names, requests that passed and that were denied."""
    vendor = await world.vendor()
    practice = await world.practice(vendor)
    soon = (SYSTEM_CLOCK.now() + timedelta(days=3)).isoformat().replace("+00:00", "Z")
    for name, more in ((HOSTILE, {}), ("Billing export", {"expires_at": soon}), ("Old front desk", {})):
        body = {"name": name, "permissions": {"financial": "write", "patient": "read"}, **more}
        made = await world.done("POST", f"{practice.path}/keys", practice.owner, body)
    await world.done("DELETE", f"{practice.path}/keys/{made['key']['key_id']}", practice.owner)
    for method, path in ASKED * 3:
        await world.request(method, path, practice.keys)
    log = await world.whole_log(practice)
    denied = next(item["event_id"] for item in log if item["decision"] == "deny")
    names = {
        "owner": let_in(stack, f"owner {practice.account_id}", {**owner_claims(practice)}),
        "vendor": let_in(
            stack,
            f"developer {vendor.vendor_id}",
            {"role": "vendor", "sub": "vera", "vendor_id": vendor.vendor_id},
        ),
        "reviewer": "reviewer",
        "operator": "operator",
    }
    return Scene(names=names, practice=practice, decision_id=denied)


def owner_claims(practice: Practice) -> Mapping[str, object]:
    """Return what a token says of the practice's owner."""
    return {"role": "owner", "sub": "oscar", "account_id": practice.account_id}
