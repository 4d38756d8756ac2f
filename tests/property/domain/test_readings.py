"""For any map and any request: each way to read it comes to what was decided, or it is ambiguous."""

import re
from collections.abc import Callable
from functools import cache
from itertools import product
from unicodedata import normalize
from urllib.parse import unquote, unquote_plus

from hypothesis import given, settings
from hypothesis import strategies as st

from keyfold.domain.access.route_map import MappedRoute, RouteMap
from keyfold.domain.permissions import Access, Category

LITERALS = ("note", "note", "a", "note.json", "x+y")
SEGMENTS = st.one_of(st.sampled_from(LITERALS), st.just("{}"))
PIECES = (
    *("note", "a", "note.json", "x+y", "NOTE", "A", "%6eote", "n%6Fte", "%4Eote", "note.JSON", "note.tar.gz"),
    *("not%C3%A9", "n%EF%BD%8Fte", "no%CC%88te", "+note", "7", "A7", "a.b", "%C5%BFx", "J%C3%BCrgen%20K"),
    *("x%2By", "x y", "%20note", "note%20", "%256eote", ";a", "note;a", "..", "", ".", "%2e", "note.", "\\"),
)
_PLACES = (*product(PIECES), *product(("note", "a", "7"), PIECES, ("", "8")))
PATHS = tuple("/" + "/".join(each) for each in _PLACES if any(each))
QUERIES = st.sampled_from(["", "?x=1", "?_method=DELETE", "?_METHOD=get", "?a&%5fmethod=PUT", "?x=_method"])
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"])

# What one framework or another does to a path before it compares it, in any order and number.
LIBERTIES: tuple[Callable[[str], str], ...] = (
    lambda path: unquote(path, errors="replace"),
    str.lower,
    str.casefold,
    lambda path: path.upper().lower(),
    lambda path: re.sub(r"(?<=[^/])\.[^./]*(?=/|$)", "", path),
    lambda path: path.removesuffix("/") or "/",
    lambda path: re.sub("/+", "/", path),
    lambda path: path.replace("\\", "/"),
    lambda path: re.sub(r"/\.(?=/|$)", "", path),
    lambda path: re.sub(r"/[^/]+/\.\.(?=/|$)", "", path, count=1),
    lambda path: re.sub(";[^/]*", "", path),
    lambda path: re.sub(" *(/|$) *", r"\1", path),
    lambda path: path.replace("+", " "),
    lambda path: normalize("NFKC", path),
    lambda path: normalize("NFKD", path).encode("ascii", "ignore").decode(),
)


@st.composite
def maps(draw: st.DrawFn) -> RouteMap:
    """Return a map without a fault: lines that would make one are left out."""
    routes: list[MappedRoute] = []
    for line in range(1, draw(st.integers(2, 7))):
        is_public, rest = draw(st.integers(0, 4)) == 0, draw(st.booleans())
        route = MappedRoute(
            segments=(*draw(st.lists(SEGMENTS, min_size=1, max_size=3)), *(("**",) if rest else ())),
            category=None if is_public else draw(st.sampled_from([Category.PATIENT, Category.CLINICAL])),
            exceptions={} if is_public or draw(st.booleans()) else {"POST": Access.READ},
            line=line,
            public_method=draw(st.sampled_from(["GET", "POST"])) if is_public else None,
        )
        if not RouteMap((*routes, route)).faults:
            routes.append(route)
    return RouteMap(tuple(routes))


@cache
def readings(path: str) -> set[str]:
    """Return every path that takes those liberties, in any order."""
    found, new = {path}, {path}
    while new and len(found) < 300:
        new = {liberty(each) for each in new for liberty in LIBERTIES} - found
        found |= new
    return found


def methods_of(method: str, query: str) -> set[str]:
    """Return the methods that an API may take the request's for."""
    fields = (each.partition("=") for each in query.removeprefix("?").split("&"))
    named = {unquote_plus(value).upper() for name, _, value in fields if unquote(name).lower() == "_method"}
    return {method, *named}


@given(routes=maps(), method=METHODS, query=QUERIES)
@settings(max_examples=150, deadline=None)
def test_every_reading_comes_to_what_was_decided(routes: RouteMap, method: str, query: str) -> None:
    """No reading is mapped to anything else than what is let through; a public one is as it was sent."""
    used = methods_of(method, query)
    for path in PATHS:
        decided = routes.read(method, path + query)
        if decided.is_clear:
            assert read_all(routes, path, used) <= {(decided.category, decided.access)}, path
            assert decided.route is not None or not read_all(routes, path, used), path
        if decided.is_public:
            sent = [routes.match(path[1:].split("/"), each) for each in used]
            assert all(route is not None and route.is_public for route in sent)


def read_all(routes: RouteMap, path: str, methods: set[str]) -> set[tuple[Category | None, Access | None]]:
    """Return the category and access of each reading that is mapped."""
    split = {tuple(each[1:].split("/")) for each in readings(path)}
    split |= {tuple(each[1:].removesuffix("/").split("/")) for each in readings(path)}
    mapped = ((routes.match(segments, used), used) for segments in split for used in methods)
    return {(route.category, route.access(used)) for route, used in mapped if route is not None}
