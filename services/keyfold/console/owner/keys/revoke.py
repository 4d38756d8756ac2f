"""Revoke one key or all of them, for ever; the page shows progress until it is in force everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from keyfold.console.owner.api_page import OWNER, PATH, all_keys
from keyfold.console.owner.keys.vendors import names_of
from keyfold.console.owner.keys.visited import KEY, STOP, key_at, key_page, live_key, version_of
from keyfold.console.owner.terms.wording import describe_permissions, describe_users
from keyfold.console.upstream.failures import Changed, JsonObject
from keyfold.console.upstream.known import answer_or_unknown
from keyfold.console.upstream.services import SentCommand
from keyfold.console.web.enforcing import Enforcing, show_progress
from keyfold.console.web.view import Page, See, Shown, View, Visit, views_of

_REVOKED: Final = "Revoked"


class RevokePage:
    """Asks whether to revoke a key, and shows how far that is in force."""

    def __init__(self, enforcing: Enforcing) -> None:
        self._enforcing = enforcing

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [*views_of(f"{KEY}/revoke", OWNER, self.show, self.act)]

    async def show(self, visit: Visit) -> Shown:
        """Show what stops."""
        key = await live_key(visit)
        return key if isinstance(key, See) else await _question(visit, key)

    async def act(self, visit: Visit) -> Shown:
        """Revoke the key, or ask again whether that is in force, or do nothing."""
        if visit.form.get("to") == "cancel":
            return See(path=key_page(visit))
        address = f"{key_page(visit)}/revoke"
        command = SentCommand(method="DELETE", path=key_at(visit), once=visit.form.get("once", ""))
        if "seen" in visit.form:
            enforcement = await self._enforcing.ask_again(visit, command, did=_REVOKED, address=address)
            key: Any = await answer_or_unknown(visit.services.get("registry", key_at(visit)))
        else:
            try:
                key, enforcement = await self._enforcing.carry_out(
                    visit, replace(command, version=version_of(visit)), did=_REVOKED, address=address
                )
            except Changed:
                return await self._again(visit)
        values = {"key": key, "address": key_page(visit)}
        return show_progress(visit, enforcement, Page(template="owner/keys/revoked.html", values=values))

    async def _again(self, visit: Visit) -> Shown:
        key = await live_key(visit)
        return key if isinstance(key, See) else await _question(visit, key, has_changed=True)


class StopPage:
    """Asks whether to revoke every key, and shows how far that is in force."""

    def __init__(self, enforcing: Enforcing) -> None:
        self._enforcing = enforcing

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [*views_of(STOP, OWNER, self.show, self.act)]

    async def show(self, visit: Visit) -> Shown:
        """Show what stops."""
        return await self._question(visit)

    async def act(self, visit: Visit) -> Shown:
        """Revoke all keys, or ask again whether that is in force, or do nothing."""
        if visit.form.get("to") == "cancel":
            return See(path=PATH)
        command = SentCommand(
            method="POST",
            path=f"{visit.account}/keys/revoke",
            once=visit.form.get("once", ""),
            body={"all": True},
        )
        if "seen" in visit.form:
            enforcement = await self._enforcing.ask_again(visit, command, did=_REVOKED, address=STOP)
            items: Any = None
        else:
            try:
                answer, enforcement = await self._enforcing.carry_out(
                    visit, replace(command, version=version_of(visit)), did=_REVOKED, address=STOP
                )
            except Changed:
                return await self._question(visit, has_changed=True)
            items = answer["items"]
        return show_progress(
            visit, enforcement, Page(template="owner/keys/stopped.html", values={"items": items})
        )

    async def _question(self, visit: Visit, *, has_changed: bool = False) -> Shown:
        account, keys = await asyncio.gather(visit.services.get("registry", visit.account), all_keys(visit))
        live = [key for key in keys if key["state"] != "revoked"]
        if not live:
            return See(path=PATH, notice="There is no key to stop.")
        values = {"account": account, "keys": live, "has_changed": has_changed}
        return Page(template="owner/keys/stop.html", values=values, status=409 if has_changed else 200)


async def _question(visit: Visit, key: JsonObject, *, has_changed: bool = False) -> Page:
    called, last = await asyncio.gather(
        names_of(visit, key["vendor_ids"]), answer_or_unknown(_last_use(visit))
    )
    values: Mapping[str, Any] = {
        "key": key,
        "address": key_page(visit),
        "who": describe_users(key["vendor_ids"], called),
        "ability": describe_permissions(key["permissions"]),
        "last": last,
        "has_changed": has_changed,
    }
    return Page(template="owner/keys/revoke.html", values=values, status=409 if has_changed else 200)


async def _last_use(visit: Visit) -> JsonObject:
    """Return the key's last access that passed, empty if none is known."""
    page = await visit.services.get("audit", f"{key_at(visit)}/activity", {"decision": "allow", "limit": "1"})
    return next(iter(page["items"]), {})
