"""A vendor's first page: the state of its application, what is next, its keys, and its history."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from keyfold.console.upstream.failures import JsonObject
from keyfold.console.upstream.known import answer_or_unknown
from keyfold.console.upstream.lists import read_all
from keyfold.console.vendor.application import amendable
from keyfold.console.vendor.own import PATH, VENDOR, at_registry, own_vendor
from keyfold.console.vendor.standing import missing_reviews
from keyfold.console.web.view import Page, View, Visit, views_of

KEYS_MAX: Final = 500
HISTORY_ITEMS: Final = "20"


class OwnVendorPage:
    """The page itself."""

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [*views_of(PATH, VENDOR, self.show)]

    async def show(self, visit: Visit) -> Page:
        """Show the vendor, or how to become one."""
        vendor = await own_vendor(visit)
        if vendor is None:
            return Page(template="vendor/none.html")
        keys, happened = await asyncio.gather(
            answer_or_unknown(keys_of(visit, vendor)), answer_or_unknown(history_of(visit, vendor))
        )
        values = {
            "vendor": vendor,
            "outstanding": missing_reviews(vendor, visit.now),
            "may_amend": bool(amendable(vendor["state"])),
            "keys": keys,
            "happened": happened,
            "path": PATH,
        }
        return Page(template="vendor/page.html", values=values)


async def keys_of(visit: Visit, vendor: JsonObject) -> Sequence[JsonObject]:
    """Return a vendor's keys, newest first, with the revoked ones at the end."""
    if visit.person.role in VENDOR and visit.person.vendor_id is None:
        return []  # an applicant has none
    keys = await read_all(visit.services, "registry", f"{at_registry(vendor)}/keys", items_max=KEYS_MAX)
    return sorted(keys, key=lambda key: bool(key["state"] == "revoked"))


async def history_of(visit: Visit, vendor: JsonObject) -> JsonObject:
    """Return the history of a vendor and its keys, from the cursor in the address."""
    cursor = visit.query.get("older")
    query = {"limit": HISTORY_ITEMS, **({"cursor": cursor} if cursor else {})}
    return await visit.services.get("registry", f"{at_registry(vendor)}/history", query)
