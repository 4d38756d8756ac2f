"""Path tricks against the shipped route map: the plain path's route, or a denial, and nothing else."""

import re
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from keyfold.domain.access.route_map import MappedRoute
from keyfold.domain.access.route_map_text import parse_route_map

MAP = parse_route_map(Path("deploy/keyfold/routes/practice-api.routes").read_text(encoding="utf-8"))
RESOURCES = (
    *(
        "patient",
        "patient_contact",
        "patient_account",
        "patient_attachment",
        "appointment",
        "note",
        "business",
    ),
    *("cancelled_appointment", "appointment_type", "appointment_status", "available_appointment", "contact"),
    *("appointment_book", "fee_category", "item", "item_group", "tag_category"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE")

ids = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=8)
paths = st.builds(
    lambda resource, deeper: "/" + "/".join(["v1", resource, *deeper]),
    st.sampled_from(RESOURCES),
    st.lists(st.one_of(ids, st.sampled_from(RESOURCES)), max_size=3),
)
pieces = st.sampled_from(
    [
        *("/", "//", "/./", "/../", "/..", "/.", ".", "..", "%2e", "%2E%2e/", "%2F", "%2f..%2f", "%5c", "\\"),
        *(
            "..\\",
            "%00",
            "\x00",
            ";a=1",
            ";/../",
            "%3B",
            "#",
            "#/../note",
            "%23",
            "?",
            "%3F",
            "%",
            "%%",
            "%2",
        ),
        *("%252e%252e/", "%252f", "%c0%ae", "%ef%bc%8f", "\uff0f", "\u2024", " ", "%20", "+", "\t", "%0a"),
        *("/../note", "/../../v1/note", "/%2e%2e/patient", "/..;/note", "/.../", "~", ":", "@", "*", "{}"),
        *("**", "\udcff", "http://other", "%u002e", "/v1/note", "%6e", "%4E", "%6E%6f%74%65"),
    ]
)


def route_of(target: str) -> MappedRoute | None:
    """Return the route that a target is decided by, or None for a denial."""
    return MAP.read("GET", target).route


def insert(path: str, piece: str, where: float) -> str:
    """Put a piece somewhere into a path."""
    at = round(where * len(path))
    return path[:at] + piece + path[at:]


def encode(path: str, which: list[bool], *, twice: bool = False) -> str:
    """Percent-encode some of a path's characters, slashes too."""
    percent = "%25" if twice else "%"
    chosen = [*which, *[False] * len(path)]
    return "".join(f"{percent}{ord(each):02X}" if chosen[at] and at else each for at, each in enumerate(path))


def swap_case(path: str, which: list[bool]) -> str:
    """Write some of a path's letters in the other case."""
    chosen = [*which, *[False] * len(path)]
    return "".join(each.swapcase() if chosen[at] else each for at, each in enumerate(path))


# What one server or another does to a path before it looks for what stands there.
LIBERTIES: tuple[Callable[[str], str], ...] = (
    lambda path: unquote(path, errors="replace"),
    lambda path: path.replace("\\", "/"),
    lambda path: re.sub("/+", "/", path),
    lambda path: re.sub("/\\.(?=/|$)", "", path),
    lambda path: re.sub("/[^/]+/\\.\\.(?=/|$)", "", path, count=1),
    lambda path: re.sub(";[^/]*", "", path),
    lambda path: path.partition("\x00")[0],
    lambda path: path.partition("#")[0],
    lambda path: path.partition("?")[0],
    lambda path: re.sub("[. ]+(?=/|$)", "", path),
    lambda path: path.removesuffix("/"),
    lambda path: normalize("NFKC", path),
    lambda path: re.sub("^https?://[^/]*", "", path),
    lambda path: path.strip(),
    lambda path: path.replace("+", " "),
    lambda path: path.lower(),
)


def readings(target: str) -> set[str]:
    """Return every path that servers may read a target as, taking those liberties in any order."""
    path = target.partition("?")[0]  # on what a plain question mark means, all agree
    found, new = {path}, {path}
    while new and len(found) < 500:
        new = {liberty(each) for each in new for liberty in LIBERTIES} - found
        found |= new
    return found


@given(path=paths, which=st.lists(st.booleans(), max_size=40), twice=st.booleans(), trailing=st.booleans())
def test_another_spelling_of_a_path_is_that_path_or_denied(
    path: str, which: list[bool], twice: bool, trailing: bool
) -> None:
    """Encoded, doubly encoded, in another case, with a slash at its end: the same route, or a denial."""
    plain = route_of(path)
    assert plain is not None
    for spelling in (encode(path, which, twice=twice), swap_case(path, which)):
        found = route_of(spelling + "/" * trailing)
        assert found is None or found == plain
        assert found is None or all(found.access(method) == plain.access(method) for method in METHODS)


@given(path=paths, inserted=st.lists(st.tuples(pieces, st.floats(0, 1)), min_size=1, max_size=3))
@settings(max_examples=1000)
def test_what_is_let_through_cannot_be_read_in_another_way(
    path: str, inserted: list[tuple[str, float]]
) -> None:
    """Whatever is put into a path: it is denied, or every server reads it as what was decided on."""
    target = path
    for piece, where in inserted:
        target = insert(target, piece, where)
    found = route_of(target)
    if found is None:
        return
    for reading in readings(target):
        segments = tuple(each for each in reading.lower().split("/")[1:] if each)
        assert MAP.match(segments) == found, reading


@given(path=paths)
def test_each_trick_by_itself_is_denied(path: str) -> None:
    """Tricks that no client needs are denied, before a path's resource and at its end."""
    resource = path.removeprefix("/v1")
    for tricked in (
        "/v1/" + resource,
        "/v1/." + resource,
        "/v1/x/.." + resource,
        "/v1/%2e%2e/v1" + resource,
        "/v1%2F" + resource[1:],
        "/v1%5c" + resource[1:],
        f"/v1/%25{ord(resource[1]):02x}{resource[2:]}",
        "http://host" + path,
        "//host" + path,
        path + ".",
        path + "/..",
        path + ";v=1",
        path + "%00",
        path + "#top",
        path + "//",
        path + "%252e",
    ):
        assert route_of(tricked) is None, tricked


def test_every_resource_is_mapped() -> None:
    """Each resource of the practice API, its items and whatever is deeper stand in one category."""
    for resource in RESOURCES:
        categories = {
            route.category if (route := route_of(f"/v1/{resource}{deeper}")) else None
            for deeper in ("", "/", "/7", "/7/resource", "/reserve")
        }
        assert len(categories) == 1 and None not in categories
