"""A route map as text: what an operator may write, and each fault told by its line, all at once."""

import pytest

from keyfold.domain.access.route_map import MappedRoute
from keyfold.domain.access.route_map_text import (
    BadRouteMap,
    canonical_route_map,
    parse_route_map,
    warn_of_route_map,
)
from keyfold.domain.permissions import Access, Category


def faults_of(text: str) -> list[tuple[int, str]]:
    """Return the faults that a table is refused for."""
    with pytest.raises(BadRouteMap) as caught:
        parse_route_map(text)
    return caught.value.faults


def route_for(text: str, *segments: str) -> MappedRoute:
    """Return the route that a table has for a path."""
    route = parse_route_map(text).match(segments)
    assert route is not None
    return route


def test_a_line_is_a_pattern_a_category_and_exceptions() -> None:
    """Comments and blank lines are left out, and lines are counted from 1."""
    text = "# the practice API\n\n/v1/note/{id}/** clinical POST=read GET=write # a search\r\n"
    route = route_for(text, "v1", "note", "7", "deep", "er")
    assert route == MappedRoute(
        segments=("v1", "note", "{}", "**"),
        category=Category.CLINICAL,
        exceptions={"POST": Access.READ, "GET": Access.WRITE},
        line=3,
    )


@pytest.mark.parametrize(
    ("exceptions", "accesses"),
    [
        ("", {"GET": 1, "HEAD": 1, "POST": 2, "DELETE": 2, "OPTIONS": 2, "": 2, "get": 2, "BREW": 2}),
        ("POST=read", {"GET": 1, "HEAD": 1, "POST": 1, "PUT": 2, "post": 2}),
        ("GET=write", {"GET": 2, "HEAD": 2, "POST": 2}),
        ("HEAD=write", {"GET": 1, "HEAD": 2}),
        ("GET=write HEAD=read", {"GET": 2, "HEAD": 1}),
    ],
)
def test_a_method_reads_or_writes(exceptions: str, accesses: dict[str, int]) -> None:
    """GET and HEAD read, all else writes, but for the route's exceptions; HEAD does what GET does."""
    route = route_for(f"/v1/note clinical {exceptions}", "v1", "note")
    assert {method: route.access(method) for method in accesses} == accesses


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("/v1/note", "the category is missing"),
        ("v1/note clinical", "does not start with /"),
        ("/ system", "can match no request"),
        ("/v1/ system", "can match no request"),
        ("/v1//note system", "can match no request"),
        ("/v1/Note system", "can match no request"),
        ("/v1/n%6fte system", "can match no request"),
        ("/v1/note;v=1 system", "can match no request"),
        ("/v1/note?x system", "can match no request"),
        ("/v1/.. system", "can match no request"),
        ("/v1/note. system", "can match no request"),
        ("/v1/nöte system", "can match no request"),
        ("/v1/\\note system", "can match no request"),
        ("/v1/**/note system", "is no segment"),
        ("/v1/*** system", "is no segment"),
        ("/v1/* system", "is no segment"),
        ("/v1/*/note system", "is no segment"),
        ("/v1/no** system", "is no segment"),
        ("/v1/{} system", "is no segment"),
        ("/v1/{1} system", "is no segment"),
        ("/v1/{a-b} system", "is no segment"),
        ("/v1/x{id} system", "is no segment"),
        ("/v1/{id}x system", "is no segment"),
        ("/v1/{id system", "is no segment"),
        ("/v1/note notes", "is no category"),
        ("/v1/note Clinical", "is no category"),
        ("/v1/note clinical POST", "is no exception"),
        ("/v1/note clinical POST=", "is no exception"),
        ("/v1/note clinical =read", "is no exception"),
        ("/v1/note clinical post=read", "is no exception"),
        ("/v1/note clinical POST=none", "is no exception"),
        ("/v1/note clinical POST=admin", "is no exception"),
        ("/v1/note clinical POST = read", "is no exception"),
        ("/v1/note clinical POST=read POST=write", "POST is given twice"),
        ("/v1/note public", "a public route is METHOD PATTERN public"),
        ("GET /v1/note clinical", "a public route is METHOD PATTERN public"),
        ("GET public", "a public route is METHOD PATTERN public"),
        ("get /v1/note public", "a public route is METHOD PATTERN public"),
        ("GET /v1/note public POST=read", "a public route is METHOD PATTERN public"),
        ("GET /v1/Note public", "can match no request"),
    ],
)
def test_a_fault_is_told_with_its_line(line: str, fault: str) -> None:
    """A line that cannot mean one thing is refused, with its number and the reason."""
    ((number, what),) = faults_of(f"/v1/item financial\n{line}\n")
    assert number == 2
    assert fault in what


def test_all_faults_are_told_at_once_in_the_order_of_their_lines() -> None:
    """One start shows everything that has to be mended."""
    text = "/v1/a nothing\n/v1/b system\n/v1/b files\nv1/c system\n/v1/d/{x} files\n/v1/d/{y} files\n"
    with pytest.raises(BadRouteMap) as caught:
        parse_route_map(text)
    assert [line for line, _ in caught.value.faults] == [1, 3, 4, 6]
    assert str(caught.value).splitlines()[1] == "line 3: matches the same paths as line 2"
    assert caught.value.faults[3] == (6, "matches the same paths as line 5")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/v1/note", "/v1/note"),
        ("/v1/{a}", "/v1/{b}"),
        ("/v1/{a}/**", "/v1/{b}/**"),
        ("/**", "/**"),
    ],
)
def test_two_lines_for_the_same_paths_are_a_fault(first: str, second: str) -> None:
    """A duplicate is refused, in the same category too, whatever its parameters are called."""
    assert faults_of(f"{first} system\n{second} system") == [(2, "matches the same paths as line 1")]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_an_empty_table_is_a_fault(text: str) -> None:
    """A map that would deny every request is refused."""
    assert faults_of(text) == [(1, "the map is empty, so every request would be denied")]


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_only_a_newline_ends_a_line(separator: str) -> None:
    """A comment goes on to the end of the line that an editor shows."""
    text = f"# a comment{separator}/v1/** system\n/v1/note notes"
    assert [line for line, _ in faults_of(text)] == [2]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("/v1/note patient\n/v1/note.json clinical", 2),
        ("/v1/{id} patient\n/v1/all.tar.gz files", 2),
        ("/v1/note.json clinical\n/v1/note patient POST=read", 1),
        ("/v1/{id} patient\nGET /v1/openapi.json public", 2),
    ],
)
def test_a_line_whose_requests_are_read_as_another_is_a_fault(text: str, line: int) -> None:
    """Ordinary requests would be ambiguous each time, so the map is refused, with both lines."""
    assert faults_of(text) == [(line, f"its requests can also be read as those of line {3 - line}")]


@pytest.mark.parametrize(
    ("text", "common"),
    [
        ("/v1/{x}/note clinical\n/v1/patient/{id} patient", "/v1/patient/note"),
        ("/v1/{x}/note/** clinical\n/v1/patient/** patient", "/v1/patient/note/**"),
        ("/v1/{x}/note clinical\n/v1/patient/** clinical POST=read", "/v1/patient/note"),
        ("GET /v1/{x}/up public\n/v1/patient/** patient", "/v1/patient/up"),
    ],
)
def test_two_lines_that_cross_are_a_fault_unless_a_third_settles_it(text: str, common: str) -> None:
    """Where neither of two lines is the more specific one, frameworks differ in which one they take."""
    ((line, fault),) = faults_of(text)
    assert line == 2 and f"line 1 is the more specific one for {common}:" in fault
    assert parse_route_map(f"{text}\n{common} system").faults == []


@pytest.mark.parametrize(
    "text",
    [
        "/v1/{x}/note clinical\n/v1/patient/{id} clinical",
        "/v1/patient/** patient\n/v1/patient/{id}/note clinical\n/v1/{x}/** system\n/** files",
        "GET /v1/{x}/up public\nPOST /v1/patient/{id} public",
        "GET /openapi.json public\n/v1/report.csv files\n/v1/report files",
    ],
)
def test_lines_that_may_stand_together(text: str) -> None:
    """Lines that agree, or of which one is the more specific, are no fault, nor is a suffix by itself."""
    assert parse_route_map(text).faults == []


def test_a_public_route_is_for_its_method() -> None:
    """GET includes HEAD; any other method is for the next line that matches."""
    text = "/v1/** system\nGET /v1/up public\nPOST /v1/up public\nOPTIONS /v1/** public"
    routes = parse_route_map(text)
    lines = {
        method: routes.read(method, "/v1/up").line for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS")
    }
    assert lines == {"GET": 2, "HEAD": 2, "POST": 3, "PUT": 1, "OPTIONS": 4}
    assert faults_of(f"{text}\nGET /v1/up public") == [(5, "matches the same paths as line 2")]
    assert warn_of_route_map(routes) == [(3, "anybody may send POST here without a key")]


def test_a_map_as_its_canonical_text() -> None:
    """Comments, order, spaces and names of parameters are left out; the text is a map that decides alike."""
    text = "# so\n/v1/{name}/x  system PUT=read GET=write # and so\n\nGET /up public\n"
    canonical = canonical_route_map(parse_route_map(text))
    assert canonical == "/v1/{}/x system GET=write PUT=read\nGET /up public\n"
    assert (
        canonical_route_map(parse_route_map("GET /up public\n/v1/{id}/x system GET=write PUT=read"))
        == canonical
    )
