"""For any map and any request: each way to read it comes to what was decided, or it is ambiguous."""

import re
from collections.abc import Callable
from unicodedata import normalize
from urllib.parse import unquote, unquote_plus

from hypothesis import given, settings
from hypothesis import strategies as st

from keyfold.domain.access.route_map import MappedRoute, RouteMap
from keyfold.domain.permissions import Access, Category

LITERALS = ("note", "patient", "note.json", "a", "x+y")
SEGMENTS = st.one_of(st.sampled_from(LITERALS), st.just("{}"))
PIECES = st.sampled_from(
    [
        *(*LITERALS, "NOTE", "Patient", "%6eote", "n%6Fte", "%4Eote", "note.JSON", "note.tar.gz", "7", "A7"),
        *("a.b", "not%C3%A9", "n%EF%BD%8Fte", "no%CC%88te", "%C5%BFx", "J%C3%BCrgen%20K", "x%2By", "+note"),
        *(
            "x y",
            "%20note",
            "note%20",
            "%256eote",
            ";a",
            "note;a",
            "..",
            "",
            ".",
            "%2e",
            "note.",
            "\\",
        ),
    ]
)
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


@given(routes=maps(), pieces=st.lists(PIECES, min_size=1, max_size=4), method=METHODS, query=QUERIES)
@settings(max_examples=600, deadline=None)
def test_every_reading_comes_to_what_was_decided(
    routes: RouteMap, pieces: list[str], method: str, query: str
) -> None:
    """No reading is mapped to anything else than what is let through; a public one is as it was sent."""
    path = "/" + "/".join(pieces)
    decided = routes.read(method, path + query)
    if not decided.is_clear:
        return
    outcome = (decided.category, decided.access)
    for reading in readings(path):
        for used in methods_of(method, query):
            for segments in (reading[1:].split("/"), reading[1:].removesuffix("/").split("/")):
                found = routes.match(segments, used)
                if found is not None:
                    assert decided.route is not None, (reading, used)
                    assert (found.category, found.access(used)) == outcome, (reading, used)
    if decided.is_public:
        sent = [routes.match(pieces, used) for used in methods_of(method, query)]
        assert all(route is not None and route.is_public for route in sent)
