"""Edit a key: the same form as for a new one, and what would change before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keyfold.console.owner.api_page import OWNER
from keyfold.console.owner.keys.history import history_of
from keyfold.console.owner.keys.new import address_of, form_values, typed
from keyfold.console.owner.keys.page import lead_to_saved
from keyfold.console.owner.keys.use import count_passed
from keyfold.console.owner.keys.vendors import approved_vendors, names_of
from keyfold.console.owner.keys.visited import KEY, key_at, key_page, live_key, version_of
from keyfold.console.owner.terms.differences import count_refused, differences
from keyfold.console.owner.terms.form import Faults, KeyForm, faults_of, is_for_whole_page, status_of
from keyfold.console.owner.terms.terms import KeyTerms
from keyfold.console.owner.terms.wording import summarise
from keyfold.console.upstream.failures import Away, Changed, JsonObject, ServiceFailed
from keyfold.console.upstream.known import Unknown, answer_or_unknown
from keyfold.console.upstream.services import SentCommand
from keyfold.console.web.view import Page, See, Shown, View, Visit, read_number, views_of


class EditPage:
    """Shows a key's form, then the difference, and saves it."""

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [*views_of(f"{KEY}/edit", OWNER, self.show, self.act)]

    async def show(self, visit: Visit) -> Shown:
        """Show the form, or the difference if the address asks for it."""
        key = await live_key(visit)
        if isinstance(key, See):
            return key
        fields, was = typed(visit), KeyTerms.of(key)
        if "step" not in fields:
            return await _form_page(visit, key, KeyForm.of(was, visit.zone), key["version"], {})
        form, version = KeyForm.read(fields), read_number(fields.get("version")) or 0
        faults = form.faults(visit.now, visit.zone, was=was)
        if fields["step"] != "review" or faults:
            return await _form_page(visit, key, form, version, faults, find=fields.get("find", ""))
        if version != key["version"]:
            return await _conflict_page(visit, key, form)
        return await _review_page(visit, key, form)

    async def act(self, visit: Visit) -> Shown:
        """Go to the difference, go back, or save."""
        key = await live_key(visit)
        if isinstance(key, See):
            return key
        form, to, version = KeyForm.read(visit.form), visit.form.get("to"), version_of(visit)
        if to == "theirs":
            return See(path=key_page(visit), notice="The key stays as it is. Nothing of yours was saved.")
        find = visit.form.get("find", "")
        if to not in ("review", "save") or find != visit.form.get("found", find):
            return await _step(visit, key, form, "edit", version, find=find)
        if faults := form.faults(visit.now, visit.zone, was=KeyTerms.of(key)):
            return await _form_page(visit, key, form, version, faults, find=find)
        return await (
            _save(visit, key, form, version) if to == "save" else _step(visit, key, form, "review", version)
        )


async def _step(
    visit: Visit, key: JsonObject, form: KeyForm, step: str, version: int, *, find: str = ""
) -> Shown:
    also = [("version", str(version)), *([("find", find)] if find else [])]
    address = address_of(f"{key_page(visit)}/edit", step, form, also)
    if address is not None:
        return See(path=address)
    if step == "edit":
        return await _form_page(visit, key, form, version, {}, find=find)
    return await (
        _review_page(visit, key, form) if version == key["version"] else _conflict_page(visit, key, form)
    )


async def _save(visit: Visit, key: JsonObject, form: KeyForm, version: int) -> Shown:
    was, once = KeyTerms.of(key), visit.form.get("once", "")
    changes = form.terms(visit.zone, was=was).changes(was)
    if not changes:
        return See(path=key_page(visit), notice="Nothing was left to change.")
    try:
        edited = await visit.services.do(
            SentCommand(method="PATCH", path=key_at(visit), once=once, body=changes, version=version)
        )
    except Changed:
        return await _conflict_page(visit, await visit.services.get("registry", key_at(visit)), form)
    except ServiceFailed as failed:
        if is_for_whole_page(failed):
            raise
        page = await _form_page(visit, key, form, version, faults_of(failed))
        again = {"once": once} if isinstance(failed, Away) else {}
        return replace(page, status=status_of(failed), values={**page.values, **again})
    return lead_to_saved(
        visit, edited, " ".join(["Saved.", *(each["detail"] for each in edited["warnings"])])
    )


async def _form_page(
    visit: Visit, key: JsonObject, form: KeyForm, version: int, faults: Faults, *, find: str = ""
) -> Page:
    vendors = await answer_or_unknown(approved_vendors(visit))
    if isinstance(vendors, list):
        vendors += _others(key, vendors)
    values = {
        **form_values(visit, form, faults, vendors, find),
        "key": key,
        "version": version,
        "address": key_page(visit),
    }
    return Page(template="owner/keys/edit.html", values=values, status=422 if faults else 200)


async def _review_page(visit: Visit, key: JsonObject, form: KeyForm) -> Page:
    was = KeyTerms.of(key)
    becomes = form.terms(visit.zone, was=was)
    counts = await answer_or_unknown(count_passed(visit))
    told = [] if isinstance(counts, Unknown) else counts
    values = {
        **await _versions(visit, key, form),
        "counts": counts,
        "passed": sum(each["requests"] for each in told),
        "refused": count_refused(told, becomes),
        "is_partly_told": (was.networks, was.rate_limit) != (becomes.networks, becomes.rate_limit),
    }
    return Page(template="owner/keys/review.html", values=values)


async def _conflict_page(visit: Visit, key: JsonObject, form: KeyForm) -> Page:
    values = {**await _versions(visit, key, form), "history": await answer_or_unknown(history_of(visit))}
    return Page(template="owner/keys/conflict.html", values=values, status=409)


async def _versions(visit: Visit, key: JsonObject, form: KeyForm) -> Mapping[str, Any]:
    theirs = KeyTerms.of(key)
    mine = form.terms(visit.zone, was=theirs)
    called = await names_of(visit, {*(theirs.vendor_ids or ()), *(mine.vendor_ids or ())})
    return {
        "key": key,
        "form": form,
        "version": key["version"],
        "address": key_page(visit),
        "differences": differences(theirs, mine, called, visit.zone),
        "theirs": summarise(theirs, called, visit.zone),
        "mine": summarise(mine, called, visit.zone),
    }


def _others(key: JsonObject, vendors: list[JsonObject]) -> list[JsonObject]:
    """Return the key's vendors that are no longer approved, under the one name that is known."""
    approved = {vendor["vendor_id"] for vendor in vendors}
    return [
        {"vendor_id": each, "name": f"Not approved any more ({each})", "categories": []}
        for each in key["vendor_ids"] or ()
        if each not in approved
    ]
