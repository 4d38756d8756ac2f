"""Whether a change is in force everywhere: the page that shows it asks again until it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from aiohttp import web

from keyfold.console.upstream.failures import JsonObject
from keyfold.console.upstream.known import Unknown, answer_or_unknown
from keyfold.console.upstream.services import SentCommand
from keyfold.console.web.view import Page, Shown, Visit
from keyfold.runtime.clock import Clock

CONFIRMED_WITHIN_S: Final = 30
"""How long until a page says that it is not confirmed yet, and what that means."""
_WAIT_S: Final = 1


class EnforcementState(StrEnum):
    """How far a change is in force; `unheard` means that the registry did not say."""

    CONFIRMING = "confirming"
    ENFORCED = "enforced"
    LATE = "late"
    UNHEARD = "unheard"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingChange:
    """A change that was made, and whether it is known to be in force everywhere.

    `did` is what was done in a word, such as "Revoked"; `address` is the view that asks again, with
    the `once` and `began` that the page's form sends back.
    """

    did: str
    address: str
    once: str
    began: datetime
    progress: EnforcementState
    took_s: float


class Enforcing:
    """Makes a change, and asks about it again: the same command with the same key is done once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def carry_out(
        self, visit: Visit, command: SentCommand, *, did: str, address: str
    ) -> tuple[JsonObject, PendingChange]:
        """Make the change; return its answer and what to show. Raises what the services raise."""
        answer = await visit.services.do(command)
        enforcement = PendingChange(
            did=did,
            address=address,
            once=command.once,
            began=self._clock.now(),
            progress=EnforcementState.CONFIRMING,
            took_s=0.0,
        )
        return answer, enforcement

    async def ask_again(self, visit: Visit, command: SentCommand, *, did: str, address: str) -> PendingChange:
        """Ask about the change whose `once` the form sends back; `command` makes the command from it."""
        began = _read_began(visit.form, self._clock.now())
        asked = await answer_or_unknown(visit.services.do(replace(command, version=None, wait_s=_WAIT_S)))
        took_s = max(0.0, (self._clock.now() - began).total_seconds())
        return PendingChange(
            did=did,
            address=address,
            once=command.once,
            began=began,
            progress=_progress(asked, took_s),
            took_s=took_s,
        )


def show_progress(visit: Visit, enforcement: PendingChange, around: Page) -> Shown:
    """Return the page around the change; a page that shows it gets only what is new, or nothing (204)."""
    if "seen" not in visit.form or not visit.is_part:
        return replace(around, values={**around.values, "enforcement": enforcement})
    if visit.form["seen"] == enforcement.progress:
        return web.Response(status=HTTPStatus.NO_CONTENT)
    return Page(template="enforcing.html", values={"enforcement": enforcement})


def _read_began(form: Mapping[str, str], now: datetime) -> datetime:
    try:
        began = datetime.fromisoformat(form.get("began", ""))
    except ValueError:
        return now
    return min(began, now) if began.tzinfo is not None else now


def _progress(asked: JsonObject | Unknown, took_s: float) -> EnforcementState:
    if isinstance(asked, Unknown):
        return EnforcementState.UNHEARD
    if asked["enforced"]:
        return EnforcementState.ENFORCED
    return EnforcementState.LATE if took_s >= CONFIRMED_WITHIN_S else EnforcementState.CONFIRMING
