"""A practice, an integration and the platform's people at work, and each of their views."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeAlias

from playwright.async_api import Page, expect

from keyfold.local.signing import Claims
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.support.page import browsers
from tests.support.stack.running import RunningStack, freeze
from tests.support.stack.world import OPERATOR, REVIEWER, World, application

HOME: Final = "/settings/integrations/api"
HOSTILE: Final = "<script>alert(1)</script> \"' & ünï 🦷 שלום " + "long " * 20
ASKED: Final = (
    ("GET", "/v1/patient/7"),
    ("GET", "/v1/appointment?day=1"),
    ("POST", "/v1/appointment"),
    ("GET", "/v1/note/9"),
    ("GET", "/v1/invoice/3"),
    ("DELETE", "/v1/patient/7"),
)
NOBODY: Final = ""
EVERYBODY: Final = (
    NOBODY,
    "owner",
    "owner of none",
    "leaving owner",
    "developer",
    "applicant",
    "newcomer",
    "stranger",
    "reviewer",
    "operator",
)
Steps: TypeAlias = Callable[[Page], Awaitable[None]]


async def stay(_page: Page) -> None:
    """Stay on the page at the address."""


def press(name: str) -> Steps:
    """Press a button."""

    async def steps(page: Page) -> None:
        await browsers.press(page, name)
        await page.wait_for_load_state()

    return steps


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A page as somebody sees it: whose, at what address, and what is done there first.

    `heading` is what it is called when it is there.
    """

    name: str
    who: str
    path: str
    heading: str
    steps: Steps = stay


class Scene:
    """Who signs in by which name, and the ids of everything of theirs."""

    def __init__(self, world: World, stack: RunningStack) -> None:
        self._world = world
        self._stack = stack
        self.names: dict[str, str] = {"reviewer": "reviewer", "operator": "operator"}

    async def set_up(self, hostile: str = HOSTILE) -> Scene:
        """Make keys in every state, one with a hostile name, and requests that passed or were denied."""
        world = self._world
        self.vendor = await world.vendor("Bright Recall")
        self.practice = await world.practice(self.vendor, called="Harbour Street Dental", name="Recalls")
        soon = SYSTEM_CLOCK.now() + timedelta(days=3)
        self.booking = await self._key(hostile, expires_at=soon.isoformat().replace("+00:00", "Z"))
        self.unused = await self._key("Billing export", financial="write", clinical="write", system="read")
        self.revoked = await self._key("Old front desk", contact="read")
        await world.done("DELETE", self._key_path(self.revoked), self.practice.owner)
        for method, path in ASKED * 3:
            await world.request(method, path, self.practice.keys)
        log = await world.whole_log(self.practice)
        self.denied = next(item["event_id"] for item in log if item["decision"] == "deny")
        self.empty = (await world.done("POST", "/v1/accounts", OPERATOR, {"name": "Hill Road"}))["account_id"]
        self.leaving = await world.practice(self.vendor, called="Mill Lane Clinic")
        charles = Claims(role="vendor", sub=f"charles of {self.practice.account_id}")
        applied = application("Chart Reader") | {"categories": ["clinical", "patient"]}
        self.applied = (await world.done("POST", "/v1/vendors", charles, applied))["vendor_id"]
        review = {"kind": "security", "verdict": "fail", "notes": "asks for more than it says"}
        await world.done("POST", f"/v1/vendors/{self.applied}/reviews", REVIEWER, review)
        body = {"account_id": self.practice.account_id, "expires_in_s": 86_400}
        self.code = (await world.done("POST", "/v1/invitations", OPERATOR, body))["code"]
        self._let_everybody_in()
        return self

    def _let_everybody_in(self) -> None:
        people: Mapping[str, Mapping[str, object]] = {
            "owner": {"role": "owner", "account_id": self.practice.account_id},
            "owner of none": {"role": "owner", "account_id": self.empty},
            "leaving owner": {"role": "owner", "account_id": self.leaving.account_id},
            "developer": {"role": "vendor", "vendor_id": self.vendor.vendor_id},
            "applicant": {"role": "vendor", "vendor_id": self.applied},
            "newcomer": {"role": "vendor"},
            "stranger": {},
        }
        for name, claims in people.items():
            self.names[name] = f"{name} {self.practice.account_id}"
            browsers.let_in(self._stack, self.names[name], {"sub": name, **claims})

    async def _key(self, name: str, expires_at: str | None = None, **permissions: str) -> str:
        body: dict[str, object] = {"name": name, "permissions": permissions or {"patient": "read"}}
        more = {} if expires_at is None else {"expires_at": expires_at}
        made = await self._world.done("POST", f"{self.practice.path}/keys", self.practice.owner, body | more)
        return str(made["key"]["key_id"])

    def _key_path(self, key_id: str) -> str:
        return f"{self.practice.path}/keys/{key_id}"

    def views(self) -> Sequence[View]:
        """Return every view, each to be opened once: some change what they show."""
        return [*self._owners(), *self._of_revoking(), *self._vendors(), *self._others()]

    def _owners(self) -> Sequence[View]:
        key, unused = f"{HOME}/keys/{self.practice.key_id}", f"{HOME}/keys/{self.unused}"
        new, typed = f"{HOME}/keys/new", f"name=Online+booking&who=these&vendor={self.vendor.vendor_id}"
        granted = "may-patient=read&may-appointment=write&may-clinical=write"
        rows: Sequence[tuple[str, str, str, Steps]] = (
            ("keys", HOME, "API integrations", stay),
            ("keys-use", f"{HOME}/use", "Use of your keys", stay),
            ("add-key", new, "Add an API key", stay),
            ("add-key-wrong", new, "Add an API key", press("Continue")),
            ("add-key-permissions", f"{new}?step=permissions&{typed}", "Add an API key", stay),
            ("add-key-summary", f"{new}?step=summary&{typed}&{granted}", "Add an API key", stay),
            ("key-made", f"{new}?step=summary&{typed}&{granted}", "Copy your key now", press("Create key")),
            ("key-shown-once", f"{key}/secret", "Shown once", stay),
            ("key", key, "Recalls", stay),
            ("key-use", f"{key}/use", "Use of this key", stay),
            ("key-tried", key, "Recalls", press("Try")),
            ("key-never-used", unused, "Billing export", stay),
            ("key-revoked", f"{HOME}/keys/{self.revoked}", "Old front desk", stay),
            ("edit", f"{key}/edit", "Edit key", stay),
            ("edit-difference", f"{key}/edit", "Edit key", self._edited),
            ("edit-conflict", f"{unused}/edit", "Edit key", self._edited_meanwhile),
            ("rotate", f"{key}/rotate", "Rotate key", stay),
            ("rotated", f"{key}/rotate", "Copy your key now", press("Rotate key")),
            ("activity", f"{HOME}/activity", "Activity", stay),
            ("activity-category", f"{HOME}/activity?range=30d&chart=category", "Activity", stay),
            ("activity-nothing", f"{HOME}/activity?reason=stale&category=files", "Activity", stay),
            ("activity-too-far", f"{HOME}/activity?range=1y", "Activity", stay),
            ("activity-sums", f"{HOME}/activity/sums", "Requests in numbers", stay),
            ("key-activity", f"{key}/activity?range=24h", "Activity", stay),
            ("request", f"/decisions/{self.denied}", "Request", stay),
            ("people", f"{HOME}/people", "People", stay),
            ("people-invited", f"{HOME}/people", "Copy the invitation now", press("Invite")),
            ("not-found", "/nowhere", "Not found", stay),
            ("not-allowed", "/operations", "Not allowed", stay),
        )
        return [
            View(name=name, who="owner", path=path, heading=heading, steps=steps)
            for name, path, heading, steps in rows
        ] + [View(name="keys-none", who="owner of none", path=HOME, heading="API integrations")]

    def _of_revoking(self) -> Sequence[View]:
        key, all_keys = f"{HOME}/keys/{self.unused}/revoke", f"{HOME}/stop"
        leaving = f"{HOME}/keys/{self.leaving.key_id}/revoke"
        rows: Sequence[tuple[str, str, str, str, Steps]] = (
            ("revoke", "owner", key, "Revoke this key?", stay),
            ("revoke-late", "leaving owner", leaving, "Revoke this key", self._revoked_late),
            ("revoked", "owner", key, "Revoke this key", self._revoked),
            ("stop", "owner", all_keys, "Stop all keys", stay),
            ("stopped", "owner", all_keys, "Stop all keys", press("Stop all keys")),
        )
        return [
            View(name=name, who=who, path=path, heading=heading, steps=steps)
            for name, who, path, heading, steps in rows
        ]

    def _vendors(self) -> Sequence[View]:
        key = f"/vendor/keys/{self.vendor.key_id}"
        rows: Sequence[tuple[str, str, str, str, Steps]] = (
            ("vendor", "developer", "/vendor", "Your integration", stay),
            ("vendor-rotate", "developer", f"{key}/rotate", "Rotate key", stay),
            ("vendor-rotated", "developer", f"{key}/rotate", "Copy your key now", press("Rotate key")),
            ("vendor-revoke", "developer", f"{key}/revoke", "Revoke this key?", stay),
            ("vendor-activity", "developer", "/vendor/activity", "Your requests", stay),
            ("vendor-people", "developer", "/vendor/people", "People", stay),
            ("vendor-applied", "applicant", "/vendor", "Your integration", stay),
            ("vendor-amend", "applicant", "/vendor/amend", "Amend application", stay),
            ("vendor-none", "newcomer", "/vendor", "Your integration", stay),
            ("vendor-apply", "newcomer", "/vendor/apply", "Apply", stay),
            ("vendor-apply-wrong", "newcomer", "/vendor/apply", "Apply", press("Apply")),
        )
        return [
            View(name=name, who=who, path=path, heading=heading, steps=steps)
            for name, who, path, heading, steps in rows
        ]

    def _others(self) -> Sequence[View]:
        desk = f"/reviews/{self.vendor.vendor_id}"
        rows: Sequence[tuple[str, str, str, str, Steps]] = (
            ("sign-in", NOBODY, "/sign-in", "Sign in", stay),
            ("session-over", NOBODY, f"/sign-in?over=yes&return_to={HOME}", "Sign in", stay),
            ("welcome", "stranger", "/welcome", "Welcome", stay),
            ("invitation", "stranger", f"/invitations/{self.code}", "Welcome", stay),
            ("invitation-none", "stranger", "/invitations/none", "Welcome", stay),
            ("reviews", "reviewer", "/reviews", "Reviews", stay),
            ("review", "reviewer", desk, self.vendor.name, stay),
            ("review-applied", "reviewer", f"/reviews/{self.applied}", "Chart Reader", stay),
            ("key-issued", "reviewer", desk, "Copy your key now", press("Issue key")),
            ("operations", "operator", "/operations", "Operations", stay),
            ("completeness", "operator", "/operations/completeness", "Completeness", stay),
            ("unattributed", "operator", "/operations/unattributed", "Unattributed requests", stay),
            ("dead-letters", "operator", "/operations/dead-letters", "Dead letters", stay),
            ("operations-wrong", "operator", "/operations", "Operations", self._invited_nobody),
        )
        return [
            View(name=name, who=who, path=path, heading=heading, steps=steps)
            for name, who, path, heading, steps in rows
        ]

    async def _edited(self, page: Page) -> None:
        await page.locator("#may-clinical-write").check()
        await page.locator("#may-patient-none").check()
        await press("Continue")(page)

    async def _edited_meanwhile(self, page: Page) -> None:
        body = {"permissions": {"financial": "read"}}
        await self._world.done("PATCH", self._key_path(self.unused), self.practice.owner, body)
        await page.locator("#may-files-read").check()
        await press("Continue")(page)

    async def _revoked(self, page: Page) -> None:
        await press("Revoke key")(page)
        await expect(page.get_by_role("heading", level=2)).to_have_text("Stopped everywhere")

    async def _revoked_late(self, page: Page) -> None:
        with freeze(self._stack.pid("gatekeeper")):
            await press("Revoke key")(page)
            began: Any = "each => { each.value = new Date(Date.parse(each.value) - 60000).toISOString() }"
            await page.locator("[name=began]").evaluate(began)
            await expect(page.get_by_role("heading", level=2)).to_have_text("Revoked, not confirmed yet")

    async def _invited_nobody(self, page: Page) -> None:
        await page.get_by_label("Id").fill("nobody")
        await press("Invite")(page)


async def scene(world: World, stack: RunningStack) -> Scene:
    """Set a scene up."""
    return await Scene(world, stack).set_up()
