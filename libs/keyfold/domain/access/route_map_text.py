"""The text of a route map as an operator writes it: one route a line, with faults reported by line."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from keyfold.domain.access.request_path import read_path
from keyfold.domain.access.route_map import PARAMETER, REST, MappedRoute, RouteMap
from keyfold.domain.permissions import ACCESS_WORDS, Access, Category

PUBLIC = "public"
_PARAMETER_NAME = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")
_METHOD = re.compile(r"[A-Z]+")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class BadRouteMap(Exception):
    """The route map has faults; correct the named lines and start again.

    `faults` is a list of (line number from 1, what is wrong there).
    """

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        super().__init__("\n".join(f"line {line}: {what}" for line, what in faults))
        self.faults = faults


def parse_route_map(text: str) -> RouteMap:
    """Read a route map. Raises BadRouteMap with a fault for every line that has one.

    A line is `PATTERN CATEGORY [METHOD=ACCESS ...]` or `METHOD PATTERN public`; `#` starts a comment. A
    pattern is a path whose segments are literals, `{name}` for any one segment, or a last `**` for any number
    of them, also none. GET and HEAD read and every other method writes, unless `METHOD=ACCESS` says
    otherwise; an exception for GET holds for HEAD too, and so does a public GET.
    """
    routes: list[MappedRoute] = []
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.partition("#")[0].split()
        if not fields:
            continue
        try:
            routes.append(_parse_line(fields, number))
        except ValueError as fault:
            faults.append((number, str(fault)))
    route_map = RouteMap(tuple(routes))
    faults += [*route_map.faults, *_find_crossings(routes)]
    if not routes and not faults:
        faults.append((1, "the map is empty, so every request would be denied"))
    if faults:
        raise BadRouteMap(sorted(faults))
    return route_map


def warn_of_route_map(route_map: RouteMap) -> list[tuple[int, str]]:
    """Return what a sound map does that its author may not mean: (line number from 1, what)."""
    return sorted(warning for route in route_map.routes for warning in _warn_of_route(route_map, route))


def _warn_of_route(route_map: RouteMap, route: MappedRoute) -> Iterator[tuple[int, str]]:
    if route.public_method is not None:
        if route.public_method not in _SAFE_METHODS:
            yield route.line, f"anybody may send {route.public_method} here without a key"
        return
    asked = [route_map.read("GET", f"{path}/") for path in route_map.examples(route)]
    if others := [other.line for one in asked for other in one.between if other is not route]:
        yield route.line, f"a request that ends with a slash is denied, as line {others[0]} matches it too"


def canonical_route_map(route_map: RouteMap) -> str:
    """Return the map as text without comments, a route a line, in an order that the author's does not change.

    Two maps with the same text decide alike.
    """
    return "".join(f"{line}\n" for line in sorted(map(describe_route, route_map.routes)))


def describe_route(route: MappedRoute) -> str:
    """Return a route as a line of a map; each of its parameters is `{}`."""
    if route.public_method is not None:
        return f"{route.public_method} {route.pattern} {PUBLIC}"
    exceptions = (f" {method}={access.word}" for method, access in sorted(route.exceptions.items()))
    return f"{route.pattern} {route.category}{''.join(exceptions)}"


def _parse_line(fields: list[str], number: int) -> MappedRoute:
    if fields[-1] == PUBLIC or _METHOD.fullmatch(fields[0]):
        return _parse_public(fields, number)
    if len(fields) < 2:
        raise ValueError("a route is PATTERN CATEGORY [METHOD=ACCESS ...]; the category is missing")
    pattern, category, *exceptions = fields
    return MappedRoute(
        segments=_parse_pattern(pattern),
        category=_parse_category(category),
        exceptions=_parse_exceptions(exceptions),
        line=number,
    )


def _parse_public(fields: list[str], number: int) -> MappedRoute:
    if len(fields) != 3 or fields[2] != PUBLIC or not _METHOD.fullmatch(fields[0]):
        raise ValueError("a public route is METHOD PATTERN public, such as GET /health public")
    return MappedRoute(
        segments=_parse_pattern(fields[1]),
        category=None,
        exceptions={},
        line=number,
        public_method=fields[0],
    )


def _parse_pattern(pattern: str) -> tuple[str, ...]:
    if not pattern.startswith("/"):
        raise ValueError(f"the pattern {pattern!r} does not start with /")
    segments = pattern[1:].split("/")
    return tuple(
        _parse_segment(segment, is_last=index == len(segments) - 1) for index, segment in enumerate(segments)
    )


def _parse_segment(segment: str, *, is_last: bool) -> str:
    if segment == REST and is_last:
        return REST
    if _PARAMETER_NAME.fullmatch(segment):
        return PARAMETER
    if "*" in segment or "{" in segment or "}" in segment:
        raise ValueError(f"{segment!r} is no segment: write a literal, {{name}}, or a last **")
    path = read_path("/" + segment)
    if path is None or path.plain != (segment,):
        raise ValueError(f"{segment!r} can match no request: write it lower-case, plain and not encoded")
    return segment


def _parse_category(word: str) -> Category:
    if word not in tuple(Category):
        raise ValueError(f"{word!r} is no category; it is one of {', '.join(Category)}")
    return Category(word)


def _parse_exceptions(fields: list[str]) -> dict[str, Access]:
    exceptions: dict[str, Access] = {}
    for item in fields:
        method, _, word = item.partition("=")
        if not _METHOD.fullmatch(method) or word not in ACCESS_WORDS[1:]:
            raise ValueError(
                f"{item!r} is no exception: write METHOD=read or METHOD=write, such as POST=read"
            )
        if method in exceptions:
            raise ValueError(f"{method} is given twice")
        exceptions[method] = Access.of(word)
    return exceptions


def _find_crossings(routes: Sequence[MappedRoute]) -> Iterator[tuple[int, str]]:
    """Yield a fault for each two routes of which neither is the more specific one, if they disagree."""
    wild = [route for route in routes if PARAMETER in route.segments or REST in route.segments]
    for one, other in combinations(wild, 2):
        both = _intersect(one.segments, other.segments)
        if both is None or both in (one.segments, other.segments) or not _disagree(one, other):
            continue
        if not any(each.segments == both and _settles(each, one, other) for each in routes):
            first, last = sorted((one, other), key=lambda each: each.line)
            yield (
                last.line,
                f"neither it nor line {first.line} is the more specific one for /{'/'.join(both)}:"
                " give these paths a line of their own",
            )


def _intersect(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the pattern of the paths that both patterns match, None if there are none."""
    both: list[str] = []
    for depth in range(max(len(one), len(other)) + 1):
        if one[depth:] == (REST,):
            return (*both, *other[depth:])
        if other[depth:] == (REST,):
            return (*both, *one[depth:])
        if depth == len(one) or depth == len(other):
            break
        mine, others = one[depth], other[depth]
        if mine != others and PARAMETER not in (mine, others):
            return None
        both.append(others if mine == PARAMETER else mine)
    return tuple(both) if len(one) == len(other) else None


def _disagree(one: MappedRoute, other: MappedRoute) -> bool:
    if one.is_public or other.is_public:
        return one.is_public != other.is_public
    methods = {"GET", "HEAD", "POST", *one.exceptions, *other.exceptions}
    return one.category is not other.category or any(one.access(m) is not other.access(m) for m in methods)


def _settles(route: MappedRoute, one: MappedRoute, other: MappedRoute) -> bool:
    return not route.is_public or route.public_method in (one.public_method, other.public_method)
