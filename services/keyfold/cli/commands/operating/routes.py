"""`keyfold routes check`: what a route map says, without a gatekeeper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from keyfold.cli.command import command
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Ending, Listing, Tone, Toned
from keyfold.client.failure import WrongUsage
from keyfold.client.http import JsonObject
from keyfold.domain.access.route_map import MappedRequest, MappedRoute, RouteMap
from keyfold.domain.access.route_map_text import (
    BadRouteMap,
    describe_route,
    parse_route_map,
    warn_of_route_map,
)
from keyfold.runtime.settings.base import read_file

PUBLIC, AMBIGUOUS, UNMAPPED = "public", "ambiguous_request", "unmapped_route"
_TONES: Final = {AMBIGUOUS: Tone.BAD, UNMAPPED: Tone.BAD, PUBLIC: Tone.DOUBTFUL}

routes = typer.Typer(no_args_is_help=True, help="Route maps: which address belongs to which category.")

MapFile = Annotated[Path, typer.Argument(metavar="FILE", help="The route map.")]
Requests = Annotated[
    list[str] | None,
    typer.Option(
        "--request",
        metavar="REQUEST",
        help='Say what a request such as "GET /v1/patient/7" comes to; may be repeated.',
    ),
]


async def _check(_keyfold: Keyfold, file: MapFile, request: Requests = None) -> Listing:
    """Tell every fault of a route map with its line, and what requests come to by it. No gatekeeper is asked.

    The status is 0 if the map is sound and each --request is mapped, and 1 if not.
    """
    asked = [_read_request(each) for each in request or ()]
    try:
        route_map = parse_route_map(_read(file))
    except BadRouteMap as bad:
        return show_faults(file, bad.faults)
    return show_requests(file, route_map, asked) if asked else show_warnings(file, route_map)


command(routes, "check")(_check)


def _read(file: Path) -> str:
    try:
        return read_file(file).decode()
    except UnicodeDecodeError:
        raise WrongUsage(f"{file}: it is not UTF-8.") from None
    except ValueError as fault:
        raise WrongUsage(f"{file}: {fault}.") from None


def _read_request(text: str) -> tuple[str, str]:
    method, _, target = text.strip().partition(" ")
    if not method.isupper() or not target.startswith("/"):
        raise WrongUsage(f'--request: {text!r} is no request; write a method and a path, as "GET /v1/x".')
    return method, target.strip()


def show_faults(file: Path, faults: Sequence[tuple[int, str]]) -> Listing:
    """Return what is shown of a broken map."""
    items = [{"line": line, "fault": fault} for line, fault in faults]
    return Listing(
        columns=("line", "fault"),
        rows=[(str(line), fault) for line, fault in faults],
        items=items,
        empty="",
        prose=("fault",),
        item={"file": str(file), "sound": False, "faults": items, "warnings": [], "requests": []},
        note=f"{file}: a gatekeeper would refuse this map.",
        ending=Ending.FAILED,
    )


def show_warnings(file: Path, route_map: RouteMap) -> Listing:
    """Return what is shown of a sound map."""
    warnings = [{"line": line, "warning": warning} for line, warning in warn_of_route_map(route_map)]
    return Listing(
        columns=("line", "warning"),
        rows=[(str(each["line"]), str(each["warning"])) for each in warnings],
        items=warnings,
        empty="",
        prose=("warning",),
        item={"file": str(file), "sound": True, "faults": [], "warnings": warnings, "requests": []},
        note=f"{file}: sound, {_count(route_map.routes)}.",
    )


def show_requests(file: Path, route_map: RouteMap, asked: Sequence[tuple[str, str]]) -> Listing:
    """Return what requests, each a method and a target, come to by a sound map."""
    found = [(f"{method} {target}", route_map.read(method, target)) for method, target in asked]
    items = [_item(request, mapped) for request, mapped in found]
    is_mapped = all(each["comes_to"] not in (AMBIGUOUS, UNMAPPED) for each in items)
    return Listing(
        columns=("request", "comes to", "by"),
        rows=[
            (request, Toned(item["comes_to"], _TONES.get(item["comes_to"], Tone.GOOD)), _by(mapped))
            for (request, mapped), item in zip(found, items, strict=True)
        ],
        items=items,
        empty="",
        prose=("request", "by"),
        item={"file": str(file), "sound": True, "faults": [], "warnings": [], "requests": items},
        ending=Ending.DONE if is_mapped else Ending.FAILED,
    )


def _item(request: str, mapped: MappedRequest) -> JsonObject:
    routes = mapped.between if mapped.route is None else (mapped.route,)
    return {"request": request, "comes_to": _outcome(mapped), "lines": [route.line for route in routes]}


def _outcome(mapped: MappedRequest) -> str:
    if not mapped.is_clear:
        return AMBIGUOUS
    if mapped.is_public:
        return PUBLIC
    if mapped.category is None or mapped.access is None:
        return UNMAPPED
    return f"{mapped.category} {mapped.access.word}"


def _by(mapped: MappedRequest) -> str:
    if mapped.route is not None:
        return _name(mapped.route)
    if mapped.between:
        return "read as " + " or ".join(map(_name, mapped.between))
    return "" if mapped.is_clear else "servers read this in different ways, whatever the map"


def _name(route: MappedRoute) -> str:
    return f"line {route.line}, {describe_route(route)}"


def _count(routes: Sequence[MappedRoute]) -> str:
    public = sum(route.is_public for route in routes)
    return f"{len(routes)} routes, {public} of them public" if public else f"{len(routes)} routes"
