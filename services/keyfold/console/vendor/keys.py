"""A vendor's keys: issued by a reviewer, rotated and revoked by one or by the vendor itself."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from keyfold.console.overlaps import overlap_s, overlaps
from keyfold.console.upstream.failures import Changed, JsonObject, NotFound, ServiceRefused
from keyfold.console.upstream.lists import read_all
from keyfold.console.upstream.services import SentCommand
from keyfold.console.vendor.desk import DESKS, VendorDesk
from keyfold.console.web.app import Console
from keyfold.console.web.enforcing import Enforcing, show_progress
from keyfold.console.web.handing_over import HandingOver
from keyfold.console.web.view import Page, See, Shown, View, Visit, views_of

KEYS_MAX: Final = 500
_KEY: Final = "/keys/{key_id}"


class VendorKeyPages:
    """The pages of one key, among the vendor's own pages and among a reviewer's."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._enforcing = Enforcing(console.clock)
        self._handing_over = HandingOver(console)

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        made: list[View] = []
        for desk in DESKS:
            key = desk.path + _KEY
            show, act = partial(self.show_rotate, desk), partial(self.rotate, desk)
            made += views_of(f"{key}/rotate", desk.who, show, act)
            show, act = partial(self.show_revoke, desk), partial(self.revoke, desk)
            made += views_of(f"{key}/revoke", desk.who, show, act)
            made += views_of(f"{key}/secret", desk.who, partial(self.secret, desk))
        return made

    async def show_rotate(self, desk: VendorDesk, visit: Visit) -> Page:
        """Ask how long the old secret goes on working."""
        return await self._rotate_form(desk, visit)

    async def rotate(self, desk: VendorDesk, visit: Visit) -> Shown:
        """Replace the secret, and lead to the new one."""
        command = SentCommand(
            method="POST",
            path=f"{_at_registry(desk, visit)}/rotate",
            once=visit.once,
            body={"overlap_s": overlap_s(visit.form)},
            version=visit.version,
        )
        try:
            answer = await visit.services.do(command)
        except Changed:
            return await self._rotate_form(
                desk, visit, "Somebody else rotated this key meanwhile. Nothing was changed now.", 412
            )
        except ServiceRefused as refused:
            return await self._rotate_form(desk, visit, refused.detail, refused.status)
        path = f"{desk.address(visit)}/keys/{visit.path['key_id']}/secret"
        return self._handing_over.lead_to(visit, path, answer["secret"])

    async def show_revoke(self, desk: VendorDesk, visit: Visit) -> Page:
        """Ask whether to end the key for ever."""
        return Page(template="vendor/revoke.html", values=await self._values(desk, visit))

    async def revoke(self, desk: VendorDesk, visit: Visit) -> Shown:
        """Revoke the key; when its page asks again, show how far that is in force."""
        if visit.form.get("to") == "cancel":
            return See(path=desk.address(visit))
        address = f"{desk.address(visit)}/keys/{visit.path['key_id']}/revoke"
        command = SentCommand(method="DELETE", path=_at_registry(desk, visit), once=visit.once)
        if "seen" in visit.form:
            enforcement = await self._enforcing.ask_again(visit, command, did="Revoked", address=address)
        else:
            _, enforcement = await self._enforcing.carry_out(visit, command, did="Revoked", address=address)
        return show_progress(
            visit, enforcement, Page(template="vendor/revoked.html", values=_around(desk, visit))
        )

    async def secret(self, desk: VendorDesk, visit: Visit) -> Shown:
        """Show a new secret, once."""
        new = self._handing_over.find(visit)
        if new is None:
            return Page(template="vendor/shown_once.html", values=_around(desk, visit), status=410)
        values = {**_around(desk, visit), "console": self._console, "secret": new.secret}
        return self._handing_over.show(visit, Page(template="vendor/secret.html", values=values))

    async def _rotate_form(self, desk: VendorDesk, visit: Visit, fault: str = "", status: int = 200) -> Page:
        values = {
            **await self._values(desk, visit),
            "overlaps": overlaps(visit.now),
            "chosen": overlap_s(visit.form),
            "fault": fault,
        }
        return Page(template="vendor/rotate.html", values=values, status=status)

    async def _values(self, desk: VendorDesk, visit: Visit) -> dict[str, Any]:
        return {**_around(desk, visit), "key": await _key(desk, visit)}


def _around(desk: VendorDesk, visit: Visit) -> dict[str, Any]:
    return {"path": desk.address(visit), "is_own": "vendor_id" not in visit.path}


def _at_registry(desk: VendorDesk, visit: Visit) -> str:
    return f"{desk.vendor(visit)}/keys/{visit.path['key_id']}"


async def _key(desk: VendorDesk, visit: Visit) -> JsonObject:
    """Return the key. Raises NotFound if it is another's, or there is none."""
    for key in await read_all(visit.services, "registry", f"{desk.vendor(visit)}/keys", items_max=KEYS_MAX):
        if key["key_id"] == visit.path["key_id"]:
            return key
    raise NotFound("registry", 404, {})
