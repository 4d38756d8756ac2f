"""People: who may sign in for an account or a vendor, who was invited, and inviting somebody else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from keyfold.console.people.invitations import BACK
from keyfold.console.upstream.caller import person_of
from keyfold.console.upstream.failures import Changed, JsonObject, NotFound, ServiceRefused
from keyfold.console.upstream.known import answer_or_unknown
from keyfold.console.upstream.lists import read_all
from keyfold.console.upstream.services import SentCommand
from keyfold.console.web import failures
from keyfold.console.web.app import Console
from keyfold.console.web.handing_over import HandingOver
from keyfold.console.web.view import Page, See, Shown, View, Visit, views_of
from keyfold.runtime.auth.caller import Role

LISTED_MAX: Final = 200
LASTS: Final[Mapping[str, str]] = {"86400": "1 day", "604800": "7 days", "2592000": "30 days"}
"""The choices of how long an invitation is open, by seconds."""
LAST: Final = "604800"
_ID: Final = re.compile(r"[A-Za-z0-9_]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleView:
    """A page of people: its address, whose page it is, and the page around it."""

    path: str
    role: Role
    around: str
    around_said: str

    def of(self, visit: Visit) -> tuple[str, Mapping[str, str]]:
        """Return the tenant's path at the services, and whom an invitation is for."""
        if self.role is Role.OWNER:
            return visit.account, {"account_id": str(visit.person.account_id)}
        return visit.vendor, {"vendor_id": str(visit.person.vendor_id)}


PLACES: Final = (
    PeopleView(
        path="/settings/integrations/api/people",
        role=Role.OWNER,
        around="/settings/integrations/api",
        around_said="API integrations",
    ),
    PeopleView(path="/vendor/people", role=Role.VENDOR, around="/vendor", around_said="Your integration"),
)


class PeoplePages:
    """The pages of an account's and a vendor's people."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._handing_over = HandingOver(console)

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        made: list[View] = []
        for place in PLACES:
            who = frozenset[Role | None]({place.role})
            made += views_of(place.path, who, partial(self.show, place), partial(self.act, place))
            made += views_of(f"{place.path}/invitation", who, partial(self.link, place))
        return made

    async def show(self, place: PeopleView, visit: Visit) -> Shown:
        """Show who may sign in, and who was invited: nobody if there is no vendor yet."""
        if place.role is Role.VENDOR and visit.person.vendor_id is None:
            return See(path=place.around)
        return await self._page(place, visit)

    async def act(self, place: PeopleView, visit: Visit) -> Shown:
        """Invite, withdraw an invitation, or end a login, as the form says."""
        try:
            return await self._done(place, visit)
        except Changed:
            raise
        except ServiceRefused as refused:
            return await self._page(place, visit, refused)

    async def _done(self, place: PeopleView, visit: Visit) -> Shown:
        form, once, (tenant, named) = visit.form, visit.once, place.of(visit)
        match form.get("do"):
            case "invite":
                return await create_invitation(self._handing_over, visit, named, f"{place.path}/invitation")
            case "withdraw":
                path = f"/v1/invitations/{_id(form, 'invitation_id')}"
                await visit.services.do(SentCommand(method="DELETE", path=path, once=once))
                return See(path=place.path, notice="The invitation was withdrawn.")
            case "end":
                path = f"{tenant}/logins/{_id(form, 'login_id')}"
                await visit.services.do(SentCommand(method="DELETE", path=path, once=once))
                person = await person_of(visit.services)
                home = place.path if person.role is place.role else failures.home(person)
                return See(path=home, notice="That login was ended.", person=person)
            case _:
                return See(path=place.path)

    async def link(self, place: PeopleView, visit: Visit) -> Shown:
        """Show the link of a new invitation, once."""
        return show_link(self._handing_over, self._console, visit, place.path, place.around_said)

    async def _page(self, place: PeopleView, visit: Visit, refused: ServiceRefused | None = None) -> Page:
        tenant, named = place.of(visit)
        logins, invitations = await asyncio.gather(
            answer_or_unknown(read_all(visit.services, "registry", f"{tenant}/logins", items_max=LISTED_MAX)),
            answer_or_unknown(
                read_all(visit.services, "registry", "/v1/invitations", named, items_max=LISTED_MAX)
            ),
        )
        values: dict[str, Any] = {
            "place": place,
            "logins": logins,
            "invitations": _open(invitations) if isinstance(invitations, list) else invitations,
            "lasts": LASTS,
            "last": visit.form.get("expires_in_s", LAST),
            "refused": refused,
        }
        status = 200 if refused is None else refused.status
        return Page(template="people/page.html", values=values, status=status)


def _id(form: Mapping[str, str], name: str) -> str:
    if not _ID.fullmatch(form.get(name, "")):
        raise NotFound("registry", 404, {})
    return form[name]


def _open(invitations: list[JsonObject]) -> list[JsonObject]:
    return [each for each in invitations if each["state"] == "open"]


async def create_invitation(
    handing_over: HandingOver, visit: Visit, named: Mapping[str, str], path: str
) -> Shown:
    """Make an invitation, and lead to the page at `path`, which shows its link once."""
    lasts = visit.form.get("expires_in_s", "")
    body = {**named, "expires_in_s": int(lasts if lasts in LASTS else LAST)}
    made = await visit.services.do(
        SentCommand(method="POST", path="/v1/invitations", once=visit.once, body=body)
    )
    return handing_over.lead_to(visit, path, made["code"])


def show_link(
    handing_over: HandingOver, console: Console, visit: Visit, around: str, around_said: str
) -> Shown:
    """Show the link of a new invitation, once."""
    new, values = handing_over.find(visit), {"around": around, "around_said": around_said}
    if new is None:
        return Page(template="people/shown_once.html", values=values, status=410)
    values["link"] = f"{console.forgery.origin}{BACK}/{new.secret}"
    return handing_over.show(visit, Page(template="people/link.html", values=values))
