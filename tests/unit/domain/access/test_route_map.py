"""A route map: of the routes that match a path, the most specific one is taken."""

import pytest

from keyfold.domain.access.route_map_text import parse_route_map

TABLE = """\
/v1/** system
/v1/note clinical
/v1/note/{id} clinical
/v1/note/latest files
/v1/note/{id}/tag/{tag} contact
/v1/note/latest/** contact
/v1/note/{id}/tag/** contact
/v1/{kind}/{id}/tag contact
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", None),
        ("v2", None),
        ("v1", 1),
        ("v1/other", 1),
        ("v1/other/1/2/3", 1),
        ("v1/note", 2),
        ("v1/note/7", 3),
        ("v1/note/latest", 4),
        ("v1/note/7/tag/x", 5),
        ("v1/note/latest/tag/x", 6),
        ("v1/note/latest/any/thing", 6),
        ("v1/note/7/tag", 7),
        ("v1/note/7/tag/x/y", 7),
        ("v1/note/7/other", 1),
        ("v1/item/7/tag", 8),
        ("v1/item/7/tag/x", 1),
    ],
)
def test_the_most_specific_route_is_taken(path: str, line: int | None) -> None:
    """Segment by segment a literal goes before a parameter before a rest, whatever the order of the lines."""
    segments = tuple(path.split("/")) if path else ()
    for table in (TABLE, "\n".join(reversed(TABLE.splitlines()))):
        found = parse_route_map(table).match(segments)
        number = 9 - line if line and table is not TABLE else line
        assert (found.line if found else None) == number


def test_a_rest_matches_no_segments_too() -> None:
    """`/**` is every path, the root's among them."""
    routes = parse_route_map("/** system")
    assert routes.match(()) is routes.match(("a", "b")) is not None


def test_a_literal_that_leads_nowhere_gives_way_to_a_parameter() -> None:
    """A path whose literal branch has no route is taken by the next best one."""
    routes = parse_route_map("/a/b/c system\n/{x}/b/d contact\n/a/** contact")
    assert [getattr(routes.match(("a", "b", last)), "line", None) for last in "cde"] == [1, 3, 3]
    assert getattr(routes.match(("z", "b", "d")), "line", None) == 2


def test_a_path_cannot_name_a_parameter_or_a_rest() -> None:
    """Marks of the pattern language are no literals."""
    routes = parse_route_map("/v1/{id}/x system")
    assert routes.match(("v1", "**", "x")) is not None
    assert routes.match(("v1", "**")) is None
    assert routes.match(("v1",)) is None
