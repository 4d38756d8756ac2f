"""The first start's story over HTTP: a practice, a vendor that passed its reviews, and a pair of keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from libs.runtime.clock import SYSTEM_CLOCK
from services.cli.client import Client, JsonObject, open_client
from services.cli.failure import CommandFailed
from services.cli.keyfold import OPERATOR, REVIEWER, owner, vendor
from services.cli.local.sample import Sample, load_sample, save_sample
from services.cli.local.signing import Claims, LocalSigner
from services.cli.places import Places

ACCOUNT_NAME: Final = "Harbour Street Dental"
VENDOR_NAME: Final = "Recall Reminders"
KEY_NAME: Final = "Front desk"
PERMISSIONS: Final = {"appointment": "write", "patient": "read", "contact": "read", "clinical": "none"}

TOKEN_TTL_S: Final = 120.0
APPLIED_TIMEOUT_S: Final = 15.0
POLL_INTERVAL_S: Final = 0.05


async def ensure_sample(places: Places) -> Sample:
    """Return the sample of the local stack at ``places``, made now on its first start. Raises CommandFailed.

    When it returns, the gatekeeper knows the keys.
    """
    if places.state_dir is None:
        raise CommandFailed("Only a local stack has a sample practice.")
    if (sample := load_sample(places.state_dir)) is not None:
        return sample
    async with open_client(places) as client:
        story = _Story(client=client, signer=LocalSigner(places.state_dir))
        sample = await story.told()
        await story.applied()
    # Last, so that a first start which was interrupted tells the story again rather than half of it.
    save_sample(places.state_dir, sample)
    return sample


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    client: Client
    signer: LocalSigner

    async def told(self) -> Sample:
        """Make everything, in the order of the real product's help page."""
        account = await self._command("POST", "/v1/accounts", OPERATOR, {"name": ACCOUNT_NAME})
        approved = await self._approved_vendor()
        vendor_key = await self._command("POST", f"/v1/vendors/{approved['vendor_id']}/keys", REVIEWER)
        key = await self._subscriber_key(account["account_id"])
        return Sample(
            account_id=account["account_id"],
            account_name=account["name"],
            vendor_id=approved["vendor_id"],
            vendor_name=approved["name"],
            vendor_key_id=vendor_key["key"]["key_id"],
            vendor_secret=vendor_key["secret"],
            key_id=key["key"]["key_id"],
            key_name=key["key"]["name"],
            key_secret=key["secret"],
        )

    async def _approved_vendor(self) -> JsonObject:
        # A subject of its own, for a vendor applies once and an interrupted start may have done so.
        applicant = vendor(None, sub=f"sample-vendor-{SYSTEM_CLOCK.new_event_id()}")
        application: JsonObject = {
            "name": VENDOR_NAME,
            "contact_email": "hello@recall-reminders.example",
            "website": "https://recall-reminders.example",
            "intended_use": "Reminds patients of their appointments and lets them move one.",
            "categories": ["appointment", "contact", "patient"],
        }
        applied = await self._command("POST", "/v1/vendors", applicant, application)
        path = f"/v1/vendors/{applied['vendor_id']}"
        for kind in ("security", "compliance"):
            review: JsonObject = {"kind": kind, "verdict": "pass", "notes": "A sample vendor."}
            await self._command("POST", f"{path}/reviews", REVIEWER, review)
        return await self._command("POST", f"{path}/approve", REVIEWER)

    async def _subscriber_key(self, account_id: str) -> JsonObject:
        path = f"/v1/accounts/{account_id}"
        await self._command("PUT", f"{path}/integrations", owner(account_id), {"enabled": True})
        key: JsonObject = {"name": KEY_NAME, "permissions": PERMISSIONS}
        return await self._command("POST", f"{path}/keys", owner(account_id), key)

    async def applied(self) -> None:
        """Return when the gatekeeper has applied all of it. Raises CommandFailed in no time."""
        bearer = self._bearer(OPERATOR)
        ledger = await self.client.call(
            "registry", "GET", "/v1/ledger", bearer=bearer, query={"limit": "100"}
        )
        head = max(event["position"] for event in ledger["items"])
        try:
            async with asyncio.timeout(APPLIED_TIMEOUT_S):
                while True:
                    answer = await self.client.call("gatekeeper", "GET", "/v1/position", bearer=bearer)
                    if answer["position"] >= head:
                        return
                    await asyncio.sleep(POLL_INTERVAL_S)
        except TimeoutError as late:
            raise CommandFailed(
                f"The gatekeeper did not hear of the sample keys in {APPLIED_TIMEOUT_S:g} s."
            ) from late

    async def _command(
        self, method: str, path: str, who: Claims, body: JsonObject | None = None
    ) -> JsonObject:
        return await self.client.call("registry", method, path, bearer=self._bearer(who), body=body)

    def _bearer(self, who: Claims) -> str:
        return self.signer.sign(who, now=SYSTEM_CLOCK.now(), ttl_s=TOKEN_TTL_S)
