"""Welcome: an invitation that is opened by its code, and what a login that is bound to nothing can do.

The code is in the address that was sent, and nowhere else: whoever has to sign in first comes back by an
address without it.
"""

from __future__ import annotations

from typing import Any, Final

from keyfold.console.upstream.caller import person_of
from keyfold.console.upstream.failures import NotFound, ServiceRefused
from keyfold.console.upstream.services import SentCommand
from keyfold.console.web import failures
from keyfold.console.web.view import SIGNED_IN, Page, See, Shown, View, Visit, views_of

BACK: Final = "/invitations"
WELCOME: Final = "/welcome"
_LOOK: Final = "/v1/invitations/look"
_ACCEPT: Final = "/v1/invitations/accept"
# Stricter than the other pages' policy: not even requests for our own files have this address.
_UNTOLD: Final = {"Referrer-Policy": "strict-origin"}


class InvitationPages:
    """The rows of the route table."""

    def views(self) -> list[View]:
        """Return the rows."""
        opened = views_of(f"{BACK}/{{code}}", SIGNED_IN, self.show, self.accept, back=BACK)
        return [
            *opened,
            *views_of(BACK, SIGNED_IN, self.come_back),
            *views_of(WELCOME, SIGNED_IN, self.welcome),
        ]

    async def come_back(self, visit: Visit) -> See:
        """Lead back to the invitation that was opened before signing in."""
        code = visit.form.get("code")
        return See(path=f"{BACK}/{code}" if code else WELCOME)

    async def show(self, visit: Visit) -> Page:
        """Show what the invitation would make this login."""
        return await _show(visit)

    async def accept(self, visit: Visit) -> Shown:
        """Bind this login, and lead to its first page from now on."""
        command = SentCommand(method="POST", path=_ACCEPT, once=visit.once, body={"code": visit.path["code"]})
        try:
            await visit.services.do(command)
        except NotFound:
            return await _show(visit)
        except ServiceRefused as refused:
            return await _show(visit, refused)
        person = await person_of(visit.services)
        return See(path=failures.home(person), notice="Welcome. You are in.", person=person)

    async def welcome(self, visit: Visit) -> Shown:
        """Tell a login that is bound to nothing what to do; lead any other to its first page."""
        person = await person_of(visit.services)
        if person.role is not None and failures.home(person) != WELCOME:
            return See(path=failures.home(person), person=person)
        return Page(template="people/unbound.html")


async def _show(visit: Visit, refused: ServiceRefused | None = None) -> Page:
    values: dict[str, Any] = {"refused": refused, "invitation": None}
    try:
        values["invitation"] = await visit.services.ask("registry", _LOOK, {"code": visit.path["code"]})
        status = 200 if refused is None else refused.status
    except NotFound:
        status = 404
    return Page(template="people/invitation.html", values=values, status=status, headers=_UNTOLD)
