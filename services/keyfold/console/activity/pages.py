"""The pages of activity: chart, sums, the table with its filters, the live view, and exports."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import orjson
from aiohttp import ClientConnectionResetError, web

from keyfold.console import reasons, words
from keyfold.console.activity import chart, sums
from keyfold.console.activity.asked import CHARTS, CONDITIONS, RANGES, ActivityQuestion
from keyfold.console.activity.places import PLACES, ActivityView
from keyfold.console.upstream.failures import JsonObject, ServiceRefused
from keyfold.console.upstream.known import answer_or_unknown
from keyfold.console.vendor.own import PATH
from keyfold.console.web.app import Console
from keyfold.console.web.rendering import environment
from keyfold.console.web.view import Page, See, Shown, View, Visit, views_of

ROWS: Final = "50"
_FORMATS: Final = {"csv": "text/csv", "ndjson": "application/x-ndjson"}


class ActivityPages:
    """The views of every page of activity."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        made: list[View] = []
        for place in PLACES:
            made += views_of(place.path, place.who, partial(self.show, place))
            made += views_of(f"{place.path}/sums", place.who, partial(self.sums, place))
            made += views_of(f"{place.path}/live", place.who, partial(self.live, place))
            made += views_of(f"{place.path}/export", place.who, partial(self.export, place))
        return made

    async def show(self, place: ActivityView, visit: Visit) -> Shown:
        """Show a page of activity; a login that is not a vendor yet has none."""
        if place.is_vendors and visit.person.vendor_id is None:
            return See(path=PATH)
        asked, path = ActivityQuestion.of(visit.query, visit.now, visit.zone), place.at_audit(visit)
        query = {**asked.to_audit(), "limit": ROWS, **({"cursor": asked.cursor} if asked.cursor else {})}
        page, whole, subject, vendors = await asyncio.gather(
            answer_or_unknown(visit.services.get("audit", path, query)),
            answer_or_unknown(visit.services.get("audit", "/v1/audit/whole")),
            self._subject(place, visit),
            answer_or_unknown(self._vendor_names(place, visit)),
        )
        values: dict[str, Any] = {
            "place": place,
            "address": place.address(visit),
            "asked": asked,
            "page": page,
            "whole": whole,
            "subject": subject,
            "choices": _choices(vendors if isinstance(vendors, dict) else {}),
            "ranges": RANGES,
        }
        return Page(template="activity/page.html", values=values)

    async def sums(self, place: ActivityView, visit: Visit) -> Page:
        """Show the same requests in numbers. Adding up takes a while, so it comes after the rest."""
        asked, path = ActivityQuestion.of(visit.query, visit.now, visit.zone), place.at_audit(visit)
        summed, busiest, vendors = await asyncio.gather(
            answer_or_unknown(sums.summarise(visit, path, asked, by_endpoint=place.is_vendors)),
            answer_or_unknown(self._busiest(place, visit, asked)),
            answer_or_unknown(self._vendor_names(place, visit)),
        )
        bars, refused = summed if isinstance(summed, tuple) else (summed, summed)
        values: dict[str, Any] = {
            "place": place,
            "address": place.address(visit),
            "asked": asked,
            "bars": bars,
            "svg": _svg(bars) if isinstance(bars, sums.Chart) and asked.chart == "decision" else "",
            "busiest": busiest,
            "refused": refused,
            "vendors": vendors if isinstance(vendors, dict) else {},
            "charts": CHARTS,
            "reasons": reasons,
        }
        return Page(template="activity/sums.html", values=values)

    async def live(self, place: ActivityView, visit: Visit) -> web.StreamResponse:
        """Pass each event on as it arrives, as a row of the table."""
        query = {name: visit.query[name] for name in CONDITIONS if visit.query.get(name)}
        last = visit.raw.headers.get("Last-Event-ID")
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        path = f"{place.at_audit(visit)}/stream"
        async with visit.services.stream("audit", path, query, headers) as answer:
            await response.prepare(visit.raw)
            try:
                async for line in answer.content:
                    await response.write(_as_row(line, place, visit))
            except ClientConnectionResetError:
                return response  # the reader left
        return response

    async def export(self, place: ActivityView, visit: Visit) -> web.StreamResponse:
        """Pass on a file with everything that the page's question finds."""
        asked = ActivityQuestion.of(visit.query, visit.now, visit.zone)
        form = visit.query.get("format", "csv")
        kind = _FORMATS.get(form, "")
        if not kind:
            raise web.HTTPNotFound
        name = f"activity-{visit.now:%Y-%m-%d}.{form}"
        response = web.StreamResponse(
            headers={"Content-Type": kind, "Content-Disposition": f'attachment; filename="{name}"'}
        )
        query = {**asked.to_audit(), "format": form}
        async with visit.services.stream("audit", f"{place.at_audit(visit)}/export", query, {}) as answer:
            await response.prepare(visit.raw)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        return response

    async def _subject(self, place: ActivityView, visit: Visit) -> JsonObject:
        """Return whose activity it is. Another practice's key counts as not found."""
        if "key_id" in visit.path:
            return await visit.services.get("registry", f"{visit.account}/keys/{visit.path['key_id']}")
        found = await answer_or_unknown(
            visit.services.get("registry", visit.vendor if place.is_vendors else visit.account)
        )
        return found if isinstance(found, dict) else {"name": ""}

    async def _busiest(
        self, place: ActivityView, visit: Visit, asked: ActivityQuestion
    ) -> Sequence[tuple[str, int]]:
        return [] if place.is_vendors else await sums.rank_busiest(visit, place.at_audit(visit), asked)

    async def _vendor_names(self, place: ActivityView, visit: Visit) -> Mapping[str, str]:
        if place.is_vendors:
            return {}
        page = await visit.services.get("registry", "/v1/vendors", {"limit": "100"})
        return {each["vendor_id"]: each["name"] for each in page["items"]}


def _svg(bars: sums.Chart) -> str:
    if not bars.total:
        return ""
    return chart.draw_chart(
        bars.labels, tuple(bars.series), f"Requests by {bars.unit}: {bars.total:,} in all"
    )


def _choices(vendors: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    return {
        "vendor_id": vendors,
        "category": words.CATEGORIES,
        "access": {name: said for name, said in words.ACCESSES.items() if name != "none"},
        "decision": sums.ANSWERS,
        "reason": {name: reasons.refusal(name).means for name in sorted(reasons.known_reasons())},
    }


def _as_row(line: bytes, place: ActivityView, visit: Visit) -> bytes:
    if not line.startswith(b"data:"):
        return line
    try:
        item = orjson.loads(line[len(b"data:") :])
    except orjson.JSONDecodeError as broken:
        raise ServiceRefused("audit", 502, {"detail": "the stream holds what is no event"}) from broken
    row = (
        environment()
        .get_template("activity/row.html")
        .render(item=item, place=place, zone=visit.zone, is_live=True)
    )
    text = " ".join(row.split())
    return b"event: row\ndata: " + text.encode() + b"\n"
