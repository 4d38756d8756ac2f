"""One vendor as a reviewer sees it, and what may be done about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from multidict import MultiDictProxy

from keyfold.console.reviewer.may import why_not
from keyfold.console.reviewer.queue import PATH, REVIEWER
from keyfold.console.upstream.failures import Changed, ServiceRefused
from keyfold.console.upstream.known import answer_or_unknown
from keyfold.console.upstream.services import SentCommand
from keyfold.console.vendor.page import history_of, keys_of
from keyfold.console.web.app import Console
from keyfold.console.web.enforcing import Enforcing, PendingChange, show_progress
from keyfold.console.web.faults import faults_of
from keyfold.console.web.handing_over import HandingOver
from keyfold.console.web.view import Page, See, Shown, View, Visit, views_of

Asked = Callable[[MultiDictProxy[str]], tuple[str, Mapping[str, Any] | None]]
"""Makes from a form the last part of a call's path, and its body."""

ONE: Final = f"{PATH}/{{vendor_id}}"
VERDICTS: Final = ("pass", "fail")
_DONE: Final = {
    "security": "The security review was recorded.",
    "compliance": "The compliance review was recorded.",
    "approve": "The vendor was approved. It has no key until you issue one.",
    "reject": "The application was rejected.",
    "reinstate": "The vendor was reinstated; its keys work again.",
}


class ReviewPage:
    """The page of one vendor. Its forms go to its own address, so that none is lost if a session ends."""

    def __init__(self, console: Console) -> None:
        self._enforcing = Enforcing(console.clock)
        self._handing_over = HandingOver(console)

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [
            *views_of(ONE, REVIEWER, self.show, self.act),
            *views_of(f"{ONE}/suspended", REVIEWER, self.back, self.suspended),
        ]

    async def show(self, visit: Visit) -> Page:
        """Show the vendor."""
        return await _page(visit, {})

    async def act(self, visit: Visit) -> Shown:
        """Do what a form of the page asks."""
        action, form = visit.form.get("do", ""), visit.form
        if faults := _faults(action, form):
            return await _page(visit, faults, 422)
        command = _command(action, visit)
        try:
            if action == "suspend":
                return await self._suspend(visit, command)
            answer = await visit.services.do(command)
        except Changed:
            said = "This vendor has changed since you opened the page. Nothing was done; look at it again."
            return await _page(visit, {"": said}, 412)
        except ServiceRefused as refused:
            return await _page(visit, faults_of(refused, ()), refused.status)
        if action == "issue":
            path = f"{visit.raw.path}/keys/{answer['key']['key_id']}/secret"
            return self._handing_over.lead_to(visit, path, answer["secret"])
        return See(path=visit.raw.path, notice=_DONE[action])

    async def _suspend(self, visit: Visit, command: SentCommand) -> Shown:
        address = f"{visit.raw.path}/suspended"
        _, enforcement = await self._enforcing.carry_out(visit, command, did="Suspended", address=address)
        return _suspended(visit, enforcement)

    async def suspended(self, visit: Visit) -> Shown:
        """Show how far an earlier suspension is in force: the same command is sent again."""
        at = f"/v1/vendors/{visit.path['vendor_id']}"
        vendor = await visit.services.get("registry", at)
        if vendor["state"] != "suspended":
            return See(path=_address(visit))
        command = SentCommand(
            method="POST", path=f"{at}/suspend", once=visit.once, body={"reason": vendor["reason"]}
        )
        enforcement = await self._enforcing.ask_again(visit, command, did="Suspended", address=visit.raw.path)
        return _suspended(visit, enforcement)

    async def back(self, visit: Visit) -> See:
        """Lead to the vendor."""
        return See(path=_address(visit))


def _address(visit: Visit) -> str:
    return ONE.format(**visit.path)


def _suspended(visit: Visit, enforcement: PendingChange) -> Shown:
    around = Page(template="reviewer/suspended.html", values={"path": _address(visit)})
    return show_progress(visit, enforcement, around)


def _command(action: str, visit: Visit) -> SentCommand:
    path, body = _CALLS[action](visit.form)
    return SentCommand(
        method="POST",
        path=f"/v1/vendors/{visit.path['vendor_id']}/{path}",
        once=visit.once,
        body=body,
        # A new key has no version yet; the registry checks at the same moment that its vendor is approved.
        version=None if action == "issue" else visit.version,
    )


def _review(form: MultiDictProxy[str]) -> tuple[str, Mapping[str, Any]]:
    return "reviews", {"kind": form["do"], "verdict": form["verdict"], "notes": _prose(form, "notes")}


def _reason(form: MultiDictProxy[str]) -> tuple[str, Mapping[str, Any]]:
    return form["do"], {"reason": _prose(form, "reason")}


def _bare(form: MultiDictProxy[str]) -> tuple[str, None]:
    return {"issue": "keys"}.get(form["do"], form["do"]), None


_CALLS: Final[Mapping[str, Asked]] = {
    "security": _review,
    "compliance": _review,
    "approve": _bare,
    "reject": _reason,
    "suspend": _reason,
    "reinstate": _bare,
    "issue": _bare,
}


def _prose(form: MultiDictProxy[str], name: str) -> str:
    return form.get(name, "").replace("\r\n", "\n").strip()


def _faults(action: str, form: MultiDictProxy[str]) -> Mapping[str, str]:
    if action not in _CALLS:
        return {"": "The page did not say what to do. Try again."}
    if action in ("security", "compliance") and form.get("verdict") not in VERDICTS:
        return {action: "Choose whether it passed or failed."}
    if action in ("reject", "suspend") and not _prose(form, "reason"):
        return {f"{action}-reason": "Write why: the vendor reads it."}
    return {}


async def _page(visit: Visit, faults: Mapping[str, str], status: int = 200) -> Page:
    """Show the vendor, with what was typed into one of its forms, if anything was."""
    vendor = await visit.services.get("registry", f"/v1/vendors/{visit.path['vendor_id']}")
    keys, happened = await asyncio.gather(
        answer_or_unknown(keys_of(visit, vendor)), answer_or_unknown(history_of(visit, vendor))
    )
    values = {
        "vendor": vendor,
        "why_not": why_not(vendor, visit.person.sub, visit.now),
        "keys": keys,
        "happened": happened,
        "faults": faults,
        "typed": visit.form,
        "path": visit.raw.path,
    }
    return Page(template="reviewer/vendor.html", values=values, status=status)
