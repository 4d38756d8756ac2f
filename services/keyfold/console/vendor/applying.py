"""Applying to become a vendor, applying again, and amending an application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keyfold.console.upstream.caller import person_of
from keyfold.console.upstream.failures import Changed, JsonObject, ServiceRefused
from keyfold.console.upstream.services import SentCommand
from keyfold.console.vendor.application import FIELDS, ApplicationForm, amendable
from keyfold.console.vendor.own import MAY_APPLY, PATH, VENDOR, at_registry, own_vendor
from keyfold.console.web.faults import faults_of
from keyfold.console.web.view import Page, See, Shown, View, Visit, views_of

APPLY: Final = f"{PATH}/apply"
AMEND: Final = f"{PATH}/amend"


class Applying:
    """The pages with an application's form."""

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [
            *views_of(APPLY, MAY_APPLY, self.show, self.apply),
            *views_of(AMEND, VENDOR, self.show_amend, self.amend),
        ]

    async def show(self, visit: Visit) -> Shown:
        """Show the form: empty, or with a rejected application."""
        vendor = await own_vendor(visit)
        if vendor is not None and vendor["state"] != "rejected":
            return See(path=PATH)
        return _form(visit, vendor, FIELDS, {})

    async def apply(self, visit: Visit) -> Shown:
        """Apply, or apply again after a rejection; from then on the login acts for the vendor."""
        vendor = await own_vendor(visit)
        said = ApplicationForm.of_form(visit.form)
        if faults := said.faults(FIELDS):
            return _form(visit, vendor, FIELDS, faults)
        path = "/v1/vendors" if vendor is None else f"{at_registry(vendor)}/reapply"
        command = SentCommand(
            method="POST",
            path=path,
            once=visit.once,
            body=said.body(FIELDS),
            version=visit.version,
        )
        try:
            await visit.services.do(command)
        except Changed:
            raise
        except ServiceRefused as refused:
            return _form(visit, vendor, FIELDS, faults_of(refused, FIELDS))
        person = await person_of(visit.services)
        return See(path=PATH, notice="Your application was sent.", person=person)

    async def show_amend(self, visit: Visit) -> Shown:
        """Show the form with the application."""
        vendor = await own_vendor(visit)
        if vendor is None or not amendable(vendor["state"]):
            return See(path=PATH if vendor is None else APPLY)
        return _form(visit, vendor, amendable(vendor["state"]), {})

    async def amend(self, visit: Visit) -> Shown:
        """Change the application; if somebody else has changed it in the meantime, show both."""
        vendor = await own_vendor(visit)
        if vendor is None or visit.form.get("keep") == "theirs":
            return See(path=PATH)
        names = amendable(vendor["state"])
        said = ApplicationForm.of_form(visit.form)
        if faults := said.faults(names):
            return _form(visit, vendor, names, faults)
        command = SentCommand(
            method="PATCH",
            path=at_registry(vendor),
            once=visit.once,
            body=said.body(names),
            version=visit.version,
        )
        try:
            await visit.services.do(command)
        except Changed:
            return await _both(visit, said)
        except ServiceRefused as refused:
            return _form(visit, vendor, names, faults_of(refused, names))
        return See(path=PATH, notice="Your changes were saved.")


def _form(visit: Visit, vendor: JsonObject | None, names: Sequence[str], faults: Mapping[str, str]) -> Page:
    is_amending = vendor is not None and vendor["state"] != "rejected"
    was = ApplicationForm() if vendor is None else ApplicationForm.of_vendor(vendor)
    values: dict[str, Any] = {
        "vendor": vendor,
        "is_amending": is_amending,
        "application": ApplicationForm.of_form(visit.form) if visit.form else was,
        "names": names,
        "faults": faults,
        # A form from before somebody else's change must not pass as if its sender had seen that.
        "version": visit.version or (None if vendor is None else vendor["version"]),
        "path": AMEND if is_amending else APPLY,
    }
    return Page(template="vendor/application.html", values=values, status=422 if faults else 200)


async def _both(visit: Visit, mine: ApplicationForm) -> Page:
    """Show somebody else's change beside what was typed here."""
    vendor = await visit.services.get("registry", visit.vendor)
    theirs, names = ApplicationForm.of_vendor(vendor), amendable(vendor["state"])
    values = {
        "vendor": vendor,
        "mine": mine,
        "differences": mine.differences(theirs, names),
        "names": names,
        "path": AMEND,
    }
    return Page(template="vendor/changed.html", values=values, status=412)
