"""A key's page: what it may do and did, who may use it, how long, and a form to try a request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from keyfold.console.owner.api_page import OWNER
from keyfold.console.owner.keys.history import history_of
from keyfold.console.owner.keys.secret import curl
from keyfold.console.owner.keys.trying import METHODS, TryForm, answer_of, faults_of
from keyfold.console.owner.keys.use import permission_uses
from keyfold.console.owner.keys.vendors import approved_vendors, names, names_of
from keyfold.console.owner.keys.visited import KEY, key_at, key_page
from keyfold.console.owner.terms.wording import (
    describe_limit,
    describe_networks,
    describe_state,
    describe_users,
)
from keyfold.console.upstream.failures import JsonObject, NotFound, ServiceRefused
from keyfold.console.upstream.known import Unknown, answer_or_unknown
from keyfold.console.web.app import Console
from keyfold.console.web.view import Page, See, View, Visit, views_of


class OneKeyPage:
    """Shows a key, with a form that asks what the answer to a request would be."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [
            *views_of(KEY, OWNER, self.show, self.try_request),
            *views_of(f"{KEY}/use", OWNER, self.use),
        ]

    async def show(self, visit: Visit) -> Page:
        """Show the key; a new one may not be in the read model yet."""
        try:
            key = await visit.services.get("registry", key_at(visit))
        except NotFound:
            # The history comes from the ledger: a key that it has is there, or soon will be.
            await visit.services.get("registry", f"{key_at(visit)}/history", {"limit": "1"})
            return Page(template="owner/keys/on_its_way.html", values={"address": key_page(visit)})
        return await self._page(visit, key, {})

    async def use(self, visit: Visit) -> Page:
        """Show how each permission was used. Adding up takes a while, so it comes after the rest."""
        key = await visit.services.get("registry", key_at(visit))
        values = {"address": key_page(visit), "key": key, **await permission_uses(visit, key)}
        return Page(template="owner/keys/use.html", values=values)

    async def try_request(self, visit: Visit) -> Page:
        """Show what the answer to a request would be: only that, to a page that already shows the rest."""
        vendors = await answer_or_unknown(approved_vendors(visit))
        tried = await _tried(visit, names(_known(vendors)))
        if visit.is_part:
            values = {**_of_trying(visit, vendors, ()), **tried}
            key = {"networks": ["?"] if "try-address" in visit.form else None}
            return Page(
                template="owner/keys/try.html", values={**values, "key": key, "address": key_page(visit)}
            )
        return await self._page(visit, await visit.services.get("registry", key_at(visit)), tried)

    async def _page(self, visit: Visit, key: JsonObject, tried: Mapping[str, Any]) -> Page:
        account, history, vendors = await asyncio.gather(
            visit.services.get("registry", visit.account),
            answer_or_unknown(history_of(visit)),
            answer_or_unknown(approved_vendors(visit)),
        )
        called = {**await names_of(visit, _unnamed(key, vendors)), **names(_known(vendors))}
        values = {
            "address": key_page(visit),
            "key": key,
            "standing": describe_state(
                key, is_on=account["integrations_enabled"], now=visit.now, zone=visit.zone
            ),
            "who": describe_users(key["vendor_ids"], called),
            "networks": describe_networks(key["networks"]),
            "limit": describe_limit(key["rate_limit"]),
            "history": history,
            "curl": curl(self._console, key["permissions"], "YOUR_KEY"),
            "is_behind": key["version"] < visit.seen,
            **_of_trying(visit, vendors, key["vendor_ids"] or ()),
            **tried,
        }
        return Page(template="owner/keys/key.html", values=values)


def _of_trying(
    visit: Visit, vendors: list[JsonObject] | Unknown, vendor_ids: Sequence[str]
) -> Mapping[str, Any]:
    asked = TryForm.read(visit.form)
    if not asked.vendor_id and vendor_ids:
        asked = replace(asked, vendor_id=vendor_ids[0])  # ask first about the one that uses the key
    return {
        "vendors": vendors,
        "methods": METHODS,
        "asked": asked,
        "answer": None,
        "faults": {},
    }


async def _tried(visit: Visit, called: Mapping[str, str]) -> Mapping[str, Any]:
    form = TryForm.read(visit.form)
    if faults := form.faults():
        return {"faults": faults}
    try:
        return {"answer": await answer_or_unknown(answer_of(visit, form, called))}
    except ServiceRefused as refused:
        wrongs = [(each.pointer, each.detail) for each in refused.wrongs]
        return {"faults": faults_of(wrongs) or {"": refused.detail}}


def _known(vendors: list[JsonObject] | Unknown) -> list[JsonObject]:
    return [] if isinstance(vendors, Unknown) else vendors


def _unnamed(key: JsonObject, vendors: list[JsonObject] | Unknown) -> list[str]:
    called = names(_known(vendors))
    return [each for each in key["vendor_ids"] or () if each not in called]


def lead_to_saved(visit: Visit, key: JsonObject, notice: str) -> See:
    """Lead to the page of a changed key, which says whether it shows the change already."""
    return See(path=f"{key_page(visit)}?seen={key['version']}", notice=notice)
