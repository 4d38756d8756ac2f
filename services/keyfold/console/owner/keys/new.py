"""Add an API key in three steps, whose state is in the form itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from multidict import MultiMapping
from yarl import URL

from keyfold.console.owner.api_page import OWNER
from keyfold.console.owner.keys.secret import SecretPage
from keyfold.console.owner.keys.vendors import approved_vendors, make_offer, names
from keyfold.console.owner.keys.visited import NEW
from keyfold.console.owner.terms.form import Faults, KeyForm, faults_of, is_for_whole_page, status_of
from keyfold.console.owner.terms.wording import summarise
from keyfold.console.upstream.failures import Away, JsonObject, ServiceFailed
from keyfold.console.upstream.known import Unknown, answer_or_unknown
from keyfold.console.upstream.services import SentCommand
from keyfold.console.web.view import Page, See, Shown, View, Visit, views_of

ADDRESS_CHARACTERS_MAX: Final = 4000
STEPS: Final = ("name", "permissions", "summary")


class NewKeyPage:
    """Asks for a key's terms step by step, and makes the key."""

    def __init__(self, secrets: SecretPage) -> None:
        self._secrets = secrets

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [*views_of(NEW, OWNER, self.show, self.act)]

    async def show(self, visit: Visit) -> Page:
        """Show the step that the address names."""
        fields = typed(visit)
        form = KeyForm.read(fields)
        step = next((each for each in STEPS if each == fields.get("step")), "")
        faults = form.faults(visit.now, visit.zone) if step in STEPS[1:] else {}
        return await _page(visit, form, "name" if faults else step, faults, find=fields.get("find", ""))

    async def act(self, visit: Visit) -> Shown:
        """Go to another step, or make the key."""
        form, to, find = KeyForm.read(visit.form), visit.form.get("to", ""), visit.form.get("find", "")
        if preset := visit.form.get("preset"):
            return await _step(visit, await _with_preset(visit, form, preset), "permissions")
        if to not in ("permissions", "summary", "create") or find != visit.form.get("found", find):
            return await _step(visit, form, "name", find=find)
        if faults := form.faults(visit.now, visit.zone):
            return await _page(visit, form, "name", faults, find=find)
        return await (self._create(visit, form) if to == "create" else _step(visit, form, to))

    async def _create(self, visit: Visit, form: KeyForm) -> Shown:
        once = visit.form.get("once", "")
        body = form.terms(visit.zone).body()
        try:
            made = await visit.services.do(
                SentCommand(method="POST", path=f"{visit.account}/keys", once=once, body=body)
            )
        except ServiceFailed as failed:
            if is_for_whole_page(failed):
                raise
            faults = faults_of(failed)
            page = await _page(visit, form, "summary" if "" in faults else "name", faults)
            # Sent again with the same idempotency key it is done once, even if the first was done.
            again = {"once": once} if isinstance(failed, Away) else {}
            return replace(page, status=status_of(failed), values={**page.values, **again})
        return self._secrets.hand_over(visit, made)


def typed(visit: Visit) -> MultiMapping[str]:
    """Return what was typed so far: from the address, or from the draft kept when the session ended."""
    return visit.form if visit.is_draft else visit.raw.query


def address_of(page: str, step: str, form: KeyForm, also: Iterable[tuple[str, str]] = ()) -> str | None:
    """Return a step's address, so that the browser's back button loses nothing; None if it is too long."""
    address = str(URL(page).with_query([("step", step), *form.fields(), *also]))
    return address if len(address) <= ADDRESS_CHARACTERS_MAX else None


async def _step(visit: Visit, form: KeyForm, step: str, *, find: str = "") -> Shown:
    address = address_of(NEW, step, form, [("find", find)] if find else [])
    return See(path=address) if address is not None else await _page(visit, form, step, {}, find=find)


async def _page(visit: Visit, form: KeyForm, step: str, faults: Faults, *, find: str = "") -> Page:
    vendors = await answer_or_unknown(approved_vendors(visit))
    if not step and isinstance(vendors, list) and len(vendors) == 1:
        form = replace(form, vendor_ids=(vendors[0]["vendor_id"],))
    values = {
        **form_values(visit, form, faults, vendors, find),
        "step": step or "name",
        "number": STEPS.index(step or "name") + 1,
    }
    return Page(template="owner/keys/new.html", values=values, status=422 if faults else 200)


def form_values(
    visit: Visit, form: KeyForm, faults: Faults, vendors: list[JsonObject] | Unknown, find: str
) -> Mapping[str, Any]:
    """Return the values of a page with a key's form."""
    listed = vendors if isinstance(vendors, list) else []
    called = names(listed)
    is_right = not form.faults(visit.now, visit.zone)
    return {
        "form": form,
        "faults": faults,
        "vendors": vendors,
        "offer": make_offer(listed, form.vendor_ids, find),
        "find": find,
        "names": called,
        "chosen": [vendor for vendor in listed if vendor["vendor_id"] in form.vendor_ids],
        "first_day": (visit.now.astimezone(visit.zone) + timedelta(days=1)).date().isoformat(),
        "sentences": summarise(form.terms(visit.zone), called, visit.zone) if is_right else [],
    }


async def _with_preset(visit: Visit, form: KeyForm, vendor_id: str) -> KeyForm:
    """Return the form with read access to all that a vendor applied for; write access stays."""
    vendors = await approved_vendors(visit)
    wanted = [name for vendor in vendors if vendor["vendor_id"] == vendor_id for name in vendor["categories"]]
    permissions = {
        name: "read" if access == "none" and name in wanted else access
        for name, access in form.permissions.items()
    }
    return replace(form, permissions=permissions)
