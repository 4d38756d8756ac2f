"""The text of a route map as an operator writes it: one route a line, with faults reported by line."""

import re

from keyfold.domain.access.request_path import normalise
from keyfold.domain.access.route_map import PARAMETER, REST, MappedRoute, RouteMap
from keyfold.domain.permissions import ACCESS_WORDS, Access, Category

_PARAMETER_NAME = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")
_METHOD = re.compile(r"[A-Z]+")


class BadRouteMap(Exception):
    """The route map has faults; correct the named lines and start again.

    `faults` is a list of (line number from 1, what is wrong there).
    """

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        super().__init__("\n".join(f"line {line}: {what}" for line, what in faults))
        self.faults = faults


def parse_route_map(text: str) -> RouteMap:
    """Read a route map. Raises BadRouteMap with a fault for every line that has one.

    A line is `PATTERN CATEGORY [METHOD=ACCESS ...]`; `#` starts a comment. A pattern is a path whose segments
    are literals, `{name}` for any one segment, or a last `**` for any number of them, also none. GET and HEAD
    read and every other method writes, unless `METHOD=ACCESS` says otherwise; an exception for GET holds for
    HEAD too.
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
    faults += route_map.faults
    if not routes and not faults:
        faults.append((1, "the map is empty, so every request would be denied"))
    if faults:
        raise BadRouteMap(sorted(faults))
    return route_map


def _parse_line(fields: list[str], number: int) -> MappedRoute:
    if len(fields) < 2:
        raise ValueError("a route is PATTERN CATEGORY [METHOD=ACCESS ...]; the category is missing")
    pattern, category, *exceptions = fields
    return MappedRoute(
        segments=_parse_pattern(pattern),
        category=_parse_category(category),
        exceptions=_parse_exceptions(exceptions),
        line=number,
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
    if normalise("/" + segment) != (segment,):
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
