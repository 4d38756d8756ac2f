"""One request, by its decision's id: all its details, the reason of the answer, and what to change."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from keyfold.console.reasons import refusal
from keyfold.console.web.view import Page, See, View, Visit
from keyfold.runtime.auth.caller import Role

WHO: Final = frozenset[Role | None]({Role.OWNER, Role.VENDOR, Role.OPERATOR})


def decision_views() -> list[View]:
    """Return the rows of the route table."""
    return [
        View(method="GET", path="/decisions", handler=_find, who=WHO),
        View(method="GET", path="/decisions/{decision_id}", handler=_show, who=WHO),
    ]


async def _find(visit: Visit) -> See:
    wanted = visit.query.get("decision_id", "").strip()
    return See(path=f"/decisions/{quote(wanted, safe='')}" if wanted else "/")


async def _show(visit: Visit) -> Page:
    decision_id = quote(visit.path["decision_id"], safe="")
    item = await visit.services.get("audit", f"/v1/decisions/{decision_id}")
    # For a reason that this page does not know, the log's own words are shown.
    said = item["explanation"]["sentence"].rstrip(".")
    values = {"item": item, "refusal": refusal(item["reason"] or ""), "said": said}
    return Page(template="activity/decision.html", values=values)
