"""A request's path reads in one way, and of the routes that match it the most specific one decides."""

import re
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from keyfold.domain.access.request_path import read_path
from keyfold.domain.access.route_map import MappedRoute, RouteMap
from keyfold.domain.permissions import CATEGORIES, Access, Category, Permissions
from tests.support.property.strategies import permissions

# Pieces that tricks are made of, among plain ones, so that most examples are nearly a path.
PIECES = st.sampled_from(
    [
        *("/", "/", "/", "v1", "note", "A", "9", "~", "@", ":", ".", "..", "%2e", "%2E", "%2F", "%5c", "\\"),
        *(";", ";v=1", "%3b", "%", "%25", "%41", "%00", "\x00", "\n", "%0a", " ", "%20", "?", "%3f", "#"),
        *("é", "%C3%A9", "\u212a", "%E2%84%AA"),
    ]
)
tricks = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=12).map(lambda text: "/" + text)
mostly_plain = st.lists(
    st.sampled_from(["v1", "NOTE", "a.b", "..a", "%4Eote", "~1", "x%2Bb", "%2e", "a."]), max_size=4
)
targets = tricks | st.tuples(mostly_plain.map("/".join), st.sampled_from(["", "/", "?x=/../y"])).map(
    lambda made: "/" + "".join(made)
)
plain_segments = st.from_regex(re.compile(r"[a-z0-9\-_~@:=,+]{1,5}"), fullmatch=True)
patterns = st.tuples(st.lists(st.sampled_from(["a", "b", "{}"]), max_size=3), st.booleans()).map(
    lambda made: (*made[0], *(("**",) if made[1] else ()))
)
paths = st.lists(st.sampled_from(["a", "b", "c"]), max_size=4).map(tuple)


def normalise(target: str) -> tuple[str, ...] | None:
    """Return the segments of a target's path, decoded and lower-cased."""
    path = read_path(target)
    return None if path is None else path.plain


@given(target=targets)
def test_a_path_normalises_to_itself(target: str) -> None:
    """What comes out goes in unchanged: there is nothing left to decode, to fold or to step over."""
    segments = normalise(target) or ()
    encoded = [quote(segment) for segment in segments]
    assert normalise("/" + "/".join(encoded)) == segments
    assert normalise("/" + "".join(f"{segment}/" for segment in encoded) + "?x=/../y") == segments


@given(target=targets)
def test_segments_hold_nothing_that_another_server_reads_otherwise(target: str) -> None:
    """No separator, escape, matrix parameter, control, step, trailing dot or space, and no capital."""
    for segment in normalise(target) or ():
        assert segment
        assert segment.isprintable()
        assert not set(segment) & set("/\\%;?#")
        assert not segment.endswith((".", " ")) and not segment.startswith(" ")
        assert segment == segment.lower()


@given(segments=st.lists(plain_segments, max_size=5), data=st.data())
def test_an_encoded_or_capital_letter_is_the_letter(segments: list[str], data: st.DataObject) -> None:
    """A path written in capitals or percent-encoded reaches what the plain path reaches, or nothing."""
    plain = "/" + "/".join(segments)
    assert normalise(plain) == tuple(segments)
    disguised = "".join(
        char if char == "/" else data.draw(st.sampled_from([char, char.upper(), f"%{ord(char):02x}"]))
        for char in plain
    )
    assert normalise(disguised) == tuple(segments)


def matches(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Say whether a pattern matches a path, as its documentation defines it."""
    if pattern[-1:] == ("**",):
        pattern, path = pattern[:-1], path[: len(pattern) - 1]
    return len(pattern) == len(path) and all(
        want in ("{}", got) for want, got in zip(pattern, path, strict=True)
    )


def specificity(pattern: tuple[str, ...]) -> list[int]:
    """Order patterns: segment by segment, literal, parameter, end, rest."""
    return [*({"{}": 1, "**": 3}.get(segment, 0) for segment in pattern), 2]


@given(made=st.lists(patterns, unique=True, max_size=8), path=paths, data=st.data())
def test_the_most_specific_of_the_matching_routes_is_taken(
    made: list[tuple[str, ...]], path: tuple[str, ...], data: st.DataObject
) -> None:
    """The tree finds what a search through all routes finds, in whatever order they are written."""
    routes = tuple(
        MappedRoute(segments=pattern, category=Category.PATIENT, exceptions={}, line=line)
        for line, pattern in enumerate(data.draw(st.permutations(made)), start=1)
    )
    route_map = RouteMap(routes)
    assert route_map.faults == []
    candidates = [route for route in routes if matches(route.segments, path)]
    best = min(candidates, key=lambda route: specificity(route.segments), default=None)
    assert route_map.match(path) is best


@given(before=permissions, changes=st.dictionaries(st.sampled_from(Category), st.sampled_from(Access)))
def test_a_change_of_permissions_touches_only_what_it_names(
    before: Permissions, changes: dict[Category, Access]
) -> None:
    """Named categories are as named, the others as they were."""
    after = before.changed(changes)
    for category in CATEGORIES:
        assert after[category] is changes.get(category, before[category])
    assert after.changed(changes) == after
    assert Permissions.of({category: after[category] for category in CATEGORIES}) == after
