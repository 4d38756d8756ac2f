"""Operations: services, gatekeepers, the log's completeness, checkpoints, dead letters, unproven keys."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from keyfold.console import reasons
from keyfold.console.operations.completeness import Completeness
from keyfold.console.operations.standing import standings
from keyfold.console.people.page import LAST, LASTS, create_invitation, show_link
from keyfold.console.upstream.failures import NotFound, ServiceRefused
from keyfold.console.upstream.known import answer_or_unknown
from keyfold.console.upstream.lists import read_all
from keyfold.console.web.app import Console
from keyfold.console.web.faults import faults_of
from keyfold.console.web.handing_over import HandingOver
from keyfold.console.web.view import Page, Shown, View, Visit, views_of
from keyfold.runtime.auth.caller import Role

PATH: Final = "/operations"
OPERATOR: Final = frozenset[Role | None]({Role.OPERATOR})
RUN_HOURS_MAX: Final = 1000
LISTED: Final = "10"
WHOSE: Final = ("account_id", "vendor_id")
_ID: Final = re.compile(r"[A-Za-z0-9_]{1,40}")
_DAY: Final = timedelta(days=1)


class OperationsPage:
    """The page. A part that is not known says so in its place, and the rest is shown."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._handing_over = HandingOver(console)

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [
            *views_of(PATH, OPERATOR, self.show, self.invite),
            *views_of(f"{PATH}/invitation", OPERATOR, self.link),
            *views_of(f"{PATH}/completeness", OPERATOR, completeness),
            *views_of(f"{PATH}/unattributed", OPERATOR, unattributed),
            *views_of(f"{PATH}/dead-letters", OPERATOR, dead_letters),
        ]

    async def show(self, visit: Visit) -> Page:
        """Show the state of everything."""
        return await _page(visit, {})

    async def invite(self, visit: Visit) -> Shown:
        """Invite an account's owner, or a login of a vendor."""
        whose, tenant_id = visit.form.get("whose", ""), visit.form.get("tenant_id", "").strip()
        if whose not in WHOSE:
            return await _page(visit, {"whose": "Choose whom you invite."}, 422)
        if not _ID.fullmatch(tenant_id):
            return await _page(visit, {"tenant_id": "Write its id, such as acc_… or ven_…."}, 422)
        try:
            return await create_invitation(
                self._handing_over, visit, {whose: tenant_id}, f"{PATH}/invitation"
            )
        except NotFound:
            return await _page(visit, {"tenant_id": "There is none with this id. Copy all of it."}, 404)
        except ServiceRefused as refused:
            return await _page(visit, faults_of(refused, ()), refused.status)

    async def link(self, visit: Visit) -> Shown:
        """Show the link of a new invitation, once."""
        return show_link(self._handing_over, self._console, visit, PATH, "Operations")


async def _page(visit: Visit, faults: Mapping[str, str], status: int = 200) -> Page:
    services = visit.services
    standing, enforcement, whole, checkpoints = await asyncio.gather(
        standings(services),
        answer_or_unknown(services.get("registry", "/v1/enforcement")),
        answer_or_unknown(services.get("audit", "/v1/audit/whole")),
        answer_or_unknown(services.get("registry", "/v1/ledger/checkpoints", {"limit": LISTED})),
    )
    values = {
        "standings": standing,
        "enforcement": enforcement,
        "whole": whole,
        "checkpoints": checkpoints,
        "faults": faults,
        "typed": visit.form,
        "lasts": LASTS,
        "last": visit.form.get("expires_in_s", LAST),
    }
    return Page(template="operations/page.html", values=values, status=status)


async def completeness(visit: Visit) -> Page:
    """Show whether the last 24 hours are whole. That takes a while, so it comes after the rest."""
    complete = await answer_or_unknown(_completeness(visit, _write_time(visit.now - _DAY)))
    return Page(template="operations/completeness.html", values={"complete": complete})


async def unattributed(visit: Visit) -> Page:
    """Show why requests of the last 24 hours proved no key."""
    counted = await answer_or_unknown(_unattributed(visit, _write_time(visit.now - _DAY)))
    return Page(template="operations/unattributed.html", values={"unattributed": counted})


async def dead_letters(visit: Visit) -> Page:
    """Show the newest dead letters, which are read from Kafka: they too come after the rest."""
    letters = await answer_or_unknown(visit.services.get("audit", "/v1/dead-letters", {"limit": LISTED}))
    return Page(template="operations/letters.html", values={"letters": letters})


async def _completeness(visit: Visit, since: str) -> Completeness:
    query = {"since": since}
    items = await read_all(
        visit.services,
        "audit",
        "/v1/audit/completeness",
        query,
        items_max=RUN_HOURS_MAX,
        page_items=RUN_HOURS_MAX,
    )
    return Completeness.of(items)


async def _unattributed(visit: Visit, since: str) -> Sequence[tuple[str, int]]:
    """Return how many requests proved no key, by reason, the most common first."""
    query = {"bucket": "day", "by": "reason", "since": since}
    page = await visit.services.get("audit", "/v1/unattributed/activity/summary", query)
    counts: Counter[str] = Counter()
    for item in page["items"]:
        counts[reasons.refusal(item["reason"] or "").means or "Allowed"] += item["requests"]
    return counts.most_common()


def _write_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
