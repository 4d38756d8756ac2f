"""Renewing the sample of a used stack: parts that no longer work are replaced, by ordinary commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from keyfold.client.http import JsonObject, ProblemAnswered
from keyfold.local.process.ports import HOST
from keyfold.local.sample.record import Sample
from keyfold.local.sample.story import Story
from keyfold.local.sample.try_it import PASSES, REFUSED
from keyfold.local.signing import OPERATOR, REVIEWER, owner

AS_SAID: Final = [None, "category_denied"]
"""The reasons of the two answers that the start's screen promises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRenewal:
    """Checks each part of a sample, and replaces as little as makes the screen's commands work again."""

    story: Story
    say: Callable[[str], None]

    async def renew(self, sample: Sample) -> Sample:
        """Return a sample that works: the same one if it does. Raises CommandFailed."""
        try:
            for part in (self._renew_account, self._renew_vendor, self._renew_vendor_key, self._renew_key):
                sample = await part(sample)
            if await self._ask(sample) == AS_SAID:
                return sample
        except ProblemAnswered:  # a part of it is unknown here, or a limit is reached
            pass
        self.say(f"{sample.account_name} could not be mended: another sample practice is made")
        return await self.story.create()

    async def _renew_account(self, sample: Sample) -> Sample:
        account = await self.story.read(f"/v1/accounts/{sample.account_id}", owner(sample.account_id))
        if not account["integrations_enabled"]:
            self.say(f"the integrations of {sample.account_name} were off: they are turned on")
            await self.story.turn_on(sample)
        return sample

    async def _renew_vendor(self, sample: Sample) -> Sample:
        path = f"/v1/vendors/{sample.vendor_id}"
        match (await self.story.read(path, REVIEWER))["state"]:
            case "approved":
                return sample
            case "suspended":
                self.say(f"{sample.vendor_name} was suspended: it is reinstated")
                await self.story.command("POST", f"{path}/reinstate", REVIEWER)
                return sample
            case state:
                self.say(f"{sample.vendor_name} was {state}: another vendor is let in")
                return await self.story.add_vendor(sample)

    async def _renew_vendor_key(self, sample: Sample) -> Sample:
        page = await self.story.read(f"/v1/vendors/{sample.vendor_id}/keys?limit=100", REVIEWER)
        key = next((each for each in page["items"] if each["key_id"] == sample.vendor_key_id), None)
        if fault := "is unknown here" if key is None else _secret_fault(key, sample.vendor_secret):
            self.say(f"the key of {sample.vendor_name} {fault}: it gets a new one")
            return await self.story.add_vendor_key(sample)
        return sample

    async def _renew_key(self, sample: Sample) -> Sample:
        path = f"/v1/accounts/{sample.account_id}/keys/{sample.key_id}"
        key = await self.story.read(path, owner(sample.account_id))
        fault = _secret_fault(key, sample.key_secret) or _passing_fault(key)
        if fault is None and await self._ask(sample) != AS_SAID:
            fault = "allows other things now"
        if fault is None:
            return sample
        self.say(f'the sample\'s key "{key["name"]}" {fault}: there is a new one')
        return await self.story.add_key(sample)

    async def _ask(self, sample: Sample) -> list[str | None]:
        """Return the reasons for which the screen's two requests would be denied, None if allowed."""
        await self.story.wait_until_applied()
        who = {"subscriber_key_id": sample.key_id, "vendor_key_id": sample.vendor_key_id, "client_ip": HOST}
        questions: JsonObject = {
            "questions": [{**who, "method": "GET", "path": path} for path in (PASSES, REFUSED)]
        }
        asked = await self.story.command("POST", "/v1/decide/batch", OPERATOR, questions, "gatekeeper")
        return [item.get("reason", "problem") for item in asked["items"]]


def _secret_fault(key: JsonObject, secret: str) -> str | None:
    """Return why a secret does not work, or not for much longer; None if it does."""
    if key["state"] != "active":
        return f"is {key['state']}"
    first, _, last = key["secret_hint"].partition("…")
    return None if secret.startswith(first) and secret.endswith(last) else "was given another secret"


def _passing_fault(key: JsonObject) -> str | None:
    """Return why a key that works now may not work when the commands are pasted, or None."""
    if key["expires_at"] is not None:
        return "has an end"
    return None if key["rate_limit"] is None else "has a rate limit"
