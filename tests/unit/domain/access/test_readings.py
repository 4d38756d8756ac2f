"""A request is decided by its route only if every way to read it comes to the same category and access."""

import pytest

from keyfold.domain.access.route_map import MappedRequest
from keyfold.domain.access.route_map_text import parse_route_map

NESTED = parse_route_map(
    "/v1/patient/** patient\n"
    "/v1/patient/{id}/note clinical\n"
    "/v1/patient/{id}/letter/** files\n"
    "/v1/search system POST=read\n"
    "GET /health public\n"
    "GET /openapi.json public\n"
    "GET /docs/** public\n"
)


def read(request: str) -> MappedRequest:
    """Return what a method and a target ask for."""
    return NESTED.read(*request.split(" "))


@pytest.mark.parametrize(
    ("request_line", "line"),
    [
        ("GET /v1/patient/7", 1),
        ("GET /v1/patient/7/photo.json", 1),
        ("GET /v1/patient/Anna%20Gro%C3%9F", 1),
        ("GET /v1/patient/%E6%97%A5%E6%9C%AC/x", 1),
        ("GET /V1/Patient/%37", 1),
        ("GET /v1/patient/7/note", 2),
        ("GET /v1/patient/7.5/note?fields=a.b&since=2026-01-01T00%3A00", 2),
        ("GET /v1/patient/7/note?contact_method=post&method=card", 2),
        ("GET /v1/patient/7/", 1),
        ("GET /v1/patient/7/letter/report.pdf", 3),
        ("POST /v1/search", 4),
        ("POST /v1/search?_method=GET", 4),
        ("PUT /v1/patient/7?_method=DELETE", 1),
        ("GET /health", 5),
        ("HEAD /health?x=1", 5),
        ("GET /openapi.json", 6),
        ("GET /docs/", 7),
        ("GET /docs/J%C3%BCrgen.html", 7),
    ],
)
def test_a_request_with_one_reading(request_line: str, line: int) -> None:
    """Suffixes, spaces, letters beyond ASCII and slashes pass where nothing depends on them."""
    found = read(request_line)
    assert (found.is_clear, found.line) == (True, line)


@pytest.mark.parametrize(
    ("request_line", "between"),
    [
        ("GET /v1/patient/7/note.json", (1, 2)),
        ("GET /v1/patient/7/note.tar.gz", (1, 2)),
        ("GET /v1/patient/7/%6eote", (1, 2)),
        ("GET /v1/patient/7/NOTE", (1, 2)),
        ("GET /v1/patient/7/%4EOTE.JSON", (1, 2)),
        ("GET /v1/patient/7/note/", (1, 2)),
        ("GET /v1/patient/7/letter/", (1, 3)),
        ("GET /v1/patient/7/+note", (1, 2)),
        ("GET /v1/patient/7/not%C3%A9", (1, 2)),
        ("GET /v1/patient/7/n%EF%BD%8Fte", (1, 2)),
        ("GET /v1/patient/7/no%CC%88te", (1, 2)),
        ("GET /v1/patient/7/letter%E2%80%8B", ()),
        ("POST /v1/search?_method=DELETE", (4,)),
        ("POST /v1/search?a=1&%5Fmethod=delete", (4,)),
        ("GET /v1/patient/7?_METHOD=PUT", (1,)),
        ("GET /v1/patient/7?x-http-method-override=PUT", (1,)),
        ("GET /health/", (5,)),
        ("GET /Health", (5,)),
        ("GET /%68ealth", (5,)),
        ("GET /health.json", (5,)),
        ("GET /health?_method=POST", (5,)),
        ("GET /v1//patient", ()),
        ("GET /v1/patient/%2e%2e", ()),
        ("GET /v1/patient/7/%256eote", ()),
        ("GET /v1/patient/7;x=y", ()),
        ("GET /v1/patient/a\\b", ()),
        ("GET /v1/patient/\u00e9", ()),
        ("GET /v1/patient/%C3%A9%FF", ()),
    ],
)
def test_a_request_with_more_than_one(request_line: str, between: tuple[int, ...]) -> None:
    """What may be taken for different things has no line, and names those that it may be."""
    found = read(request_line)
    assert (found.is_clear, found.route, found.access) == (False, None, None)
    assert tuple(route.line for route in found.between) == between


@pytest.mark.parametrize("request_line", ["POST /health", "GET /healthy", "GET /", "GET /v1/notes"])
def test_a_request_that_is_not_mapped(request_line: str) -> None:
    """What no reading is mapped for is unmapped; a public route is for its method alone."""
    found = read(request_line)
    assert (found.is_clear, found.route) == (True, None)
