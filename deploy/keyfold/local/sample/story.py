"""Making the sample over HTTP: a practice, a vendor that passed its reviews, and a pair of keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from keyfold.client.failure import CommandFailed
from keyfold.client.http import Client, JsonObject
from keyfold.local.sample.record import Sample
from keyfold.local.signing import OPERATOR, REVIEWER, Claims, LocalSigner, owner, vendor
from keyfold.runtime.clock import SYSTEM_CLOCK

ACCOUNT_NAME: Final = "Harbour Street Dental"
VENDOR_NAME: Final = "Recall Reminders"
KEY_NAME: Final = "Front desk"
PERMISSIONS: Final = {"appointment": "write", "patient": "read", "contact": "read", "clinical": "none"}

TOKEN_TTL_S: Final = 120.0
APPLIED_TIMEOUT_S: Final = 15.0
POLL_INTERVAL_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Makes the sample, or a part of it. Every method raises CommandFailed."""

    client: Client
    signer: LocalSigner

    async def create(self) -> Sample:
        """Make a whole sample, in the order of the real product's help page."""
        account = await self.command("POST", "/v1/accounts", OPERATOR, {"name": ACCOUNT_NAME})
        sample = Sample(
            account_id=account["account_id"],
            account_name=account["name"],
            vendor_id="",
            vendor_name="",
            vendor_key_id="",
            vendor_secret="",
            key_id="",
            key_name="",
            key_secret="",
        )
        sample = await self.add_vendor(sample)
        await self.turn_on(sample)
        return await self.add_key(sample)

    async def turn_on(self, sample: Sample) -> None:
        """Turn the practice's API integrations on."""
        path = f"/v1/accounts/{sample.account_id}/integrations"
        await self.command("PUT", path, owner(sample.account_id), {"enabled": True})

    async def add_vendor(self, sample: Sample) -> Sample:
        """Return the sample with a new approved vendor and its key."""
        # A new subject each time: a login applies only once, and an interrupted start may have done so.
        applicant = vendor(None, sub=f"sample-vendor-{SYSTEM_CLOCK.new_event_id()}")
        application: JsonObject = {
            "name": VENDOR_NAME,
            "contact_email": "hello@recall-reminders.example",
            "website": "https://recall-reminders.example",
            "intended_use": "Reminds patients of their appointments and lets them move one.",
            "categories": ["appointment", "contact", "patient"],
        }
        applied = await self.command("POST", "/v1/vendors", applicant, application)
        path = f"/v1/vendors/{applied['vendor_id']}"
        for kind in ("security", "compliance"):
            review: JsonObject = {"kind": kind, "verdict": "pass", "notes": "A sample vendor."}
            await self.command("POST", f"{path}/reviews", REVIEWER, review)
        approved = await self.command("POST", f"{path}/approve", REVIEWER)
        let_in = replace(sample, vendor_id=approved["vendor_id"], vendor_name=approved["name"])
        return await self.add_vendor_key(let_in)

    async def add_vendor_key(self, sample: Sample) -> Sample:
        """Return the sample with a new key of its vendor."""
        made = await self.command("POST", f"/v1/vendors/{sample.vendor_id}/keys", REVIEWER)
        return replace(sample, vendor_key_id=made["key"]["key_id"], vendor_secret=made["secret"])

    async def add_key(self, sample: Sample) -> Sample:
        """Return the sample with a new key of its practice."""
        key: JsonObject = {"name": KEY_NAME, "permissions": PERMISSIONS}
        path = f"/v1/accounts/{sample.account_id}/keys"
        made = await self.command("POST", path, owner(sample.account_id), key)
        return replace(
            sample, key_id=made["key"]["key_id"], key_name=made["key"]["name"], key_secret=made["secret"]
        )

    async def wait_until_applied(self) -> None:
        """Return when the gatekeeper has applied every event so far, or raise CommandFailed after 15 s."""
        head = (await self.read("/v1/enforcement", OPERATOR))["position"]
        try:
            async with asyncio.timeout(APPLIED_TIMEOUT_S):
                while True:
                    if (await self.read("/v1/position", OPERATOR, "gatekeeper"))["position"] >= head:
                        return
                    await asyncio.sleep(POLL_INTERVAL_S)
        except TimeoutError as late:
            raise CommandFailed(
                f"The gatekeeper did not hear of the sample keys in {APPLIED_TIMEOUT_S:g} s."
            ) from late

    async def read(self, path: str, who: Claims, service: str = "registry") -> JsonObject:
        """Return one thing."""
        return await self.client.call(service, "GET", path, bearer=self._bearer(who))

    async def command(
        self,
        method: str,
        path: str,
        who: Claims,
        body: JsonObject | None = None,
        service: str = "registry",
    ) -> JsonObject:
        """Send a command, or a question that is too long for a URL; return the answer."""
        return await self.client.call(service, method, path, bearer=self._bearer(who), body=body)

    def _bearer(self, who: Claims) -> str:
        return self.signer.sign(who, now=SYSTEM_CLOCK.now(), ttl_s=TOKEN_TTL_S)
