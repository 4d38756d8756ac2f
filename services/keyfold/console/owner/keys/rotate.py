"""Rotate a key: another secret, and how long the old one goes on working."""

from __future__ import annotations

from typing import Final

from keyfold.console.overlaps import overlap_s, overlaps
from keyfold.console.owner.api_page import OWNER
from keyfold.console.owner.keys.secret import SecretPage
from keyfold.console.owner.keys.visited import KEY, key_at, key_page, live_key, version_of
from keyfold.console.owner.terms.form import Faults, faults_of, is_for_whole_page, status_of
from keyfold.console.upstream.failures import Away, Changed, JsonObject, ServiceFailed
from keyfold.console.upstream.services import SentCommand
from keyfold.console.web.view import Page, See, Shown, View, Visit, views_of

_CHANGED: Final = (
    "Somebody else has changed this key meanwhile. Look at it, and rotate it if that is still right."
)


class RotatePage:
    """Asks how long the old secret goes on working, and shows the new one."""

    def __init__(self, secrets: SecretPage) -> None:
        self._secrets = secrets

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [*views_of(f"{KEY}/rotate", OWNER, self.show, self.rotate)]

    async def show(self, visit: Visit) -> Shown:
        """Show the choice."""
        key = await live_key(visit)
        return key if isinstance(key, See) else _page(visit, key, {})

    async def rotate(self, visit: Visit) -> Shown:
        """Replace the secret."""
        command = SentCommand(
            method="POST",
            path=f"{key_at(visit)}/rotate",
            once=visit.form.get("once", ""),
            body={"overlap_s": overlap_s(visit.form)},
            version=version_of(visit),
        )
        try:
            made = await visit.services.do(command)
        except ServiceFailed as failed:
            if is_for_whole_page(failed) and not isinstance(failed, Changed):
                raise
            key = await live_key(visit)
            if isinstance(key, See):
                return key
            faults = {"": _CHANGED} if isinstance(failed, Changed) else faults_of(failed)
            return _page(visit, key, faults, status=status_of(failed), again=isinstance(failed, Away))
        return self._secrets.hand_over(visit, made)


def _page(visit: Visit, key: JsonObject, faults: Faults, *, status: int = 200, again: bool = False) -> Page:
    values = {
        "key": key,
        "address": key_page(visit),
        "faults": faults,
        "chosen": overlap_s(visit.form),
        "overlaps": overlaps(visit.now),
    }
    once = {"once": visit.form["once"]} if again else {}
    return Page(template="owner/keys/rotate.html", values={**values, **once}, status=status)
