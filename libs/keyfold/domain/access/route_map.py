"""The route map: the category of data, and the access to it, that a request asks for in all its readings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from keyfold.domain.access.request_path import (
    RequestPath,
    cut_suffixes,
    is_plain,
    mentions_method,
    read_overrides,
    read_path,
)
from keyfold.domain.permissions import Access, Category

READ_METHODS = frozenset({"GET", "HEAD"})
"""Methods that read, unless a route says otherwise; every other method writes (RFC 9110, section 9.2.1)."""

REST = "**"
PARAMETER = "{}"
NO_LINE = 0
NOTHING = ("",)


class MappedRoute(Struct, frozen=True, kw_only=True, gc=False):
    """One line of the map: a pattern, its category, and the methods whose access is an exception.

    A pattern's segments are literals, `{}` (any one segment) and, at the end, `**` (any number, also none).
    A public route has no category, and is for the one method that it names, HEAD with GET.
    """

    segments: tuple[str, ...]
    category: Category | None
    exceptions: Mapping[str, Access]
    line: int
    public_method: str | None = None

    @property
    def pattern(self) -> str:
        """The pattern as text, each of its parameters as `{}`."""
        return "/" + "/".join(self.segments)

    @property
    def is_public(self) -> bool:
        """Whether its requests need no key."""
        return self.public_method is not None

    def access(self, method: str) -> Access | None:
        """Return the access that the method asks for on this route; None if the route is public."""
        if self.public_method is not None:
            return None
        if method == "HEAD" and method not in self.exceptions:
            return self.access("GET")  # HEAD runs what GET runs (RFC 9110, section 9.3.2)
        default = Access.READ if method in READ_METHODS else Access.WRITE
        return self.exceptions.get(method, default)


class MappedRequest(Struct, frozen=True, gc=False):
    """What a request asks for, as a map reads it; route and access are None if no route is mapped.

    Unless `is_clear`, the request has no route, because it can be read in more than one way: if that is due
    to the map, `between` has the routes of its readings.
    """

    route: MappedRoute | None
    access: Access | None
    is_clear: bool = True
    between: tuple[MappedRoute, ...] = ()

    @property
    def line(self) -> int | None:
        """The line of its route, from 1."""
        return None if self.route is None else self.route.line

    @property
    def pattern(self) -> str | None:
        """The pattern of its route."""
        return None if self.route is None else self.route.pattern

    @property
    def category(self) -> Category | None:
        """The category of its route."""
        return None if self.route is None else self.route.category

    @property
    def is_public(self) -> bool:
        """Whether it needs no key."""
        return self.route is not None and self.route.is_public


UNCLEAR = MappedRequest(None, None, is_clear=False)
"""What is asked by a request that nobody can know for certain."""
_UNMAPPED = MappedRequest(None, None)


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    rest: MappedRoute | None = None
    end: MappedRoute | None = None
    public_rests: dict[str, MappedRoute] = field(default_factory=dict)
    public_ends: dict[str, MappedRoute] = field(default_factory=dict)

    def at_end(self, method: str) -> MappedRoute | None:
        public = _public(self.public_ends, method) if self.public_ends else None
        return public or self.end or self.at_rest(method)

    def at_rest(self, method: str) -> MappedRoute | None:
        return (_public(self.public_rests, method) if self.public_rests else None) or self.rest


def _public(routes: Mapping[str, MappedRoute], method: str) -> MappedRoute | None:
    return routes.get(method) or (routes.get("GET") if method == "HEAD" else None)


class RouteMap:
    """Routes as a tree.

    If two match, the more specific one wins: segment by segment, a literal before `{}` before `**`. A request
    is decided by its route only if every other way to read it comes to the same category and access.
    """

    def __init__(self, routes: tuple[MappedRoute, ...]) -> None:
        self._root = _Node()
        self.routes = routes
        self._by_line = {route.line: route for route in routes}
        self._literal_length_max = max((len(each) for route in routes for each in route.segments), default=0)
        self.faults: list[tuple[int, str]] = [fault for route in routes for fault in self._add(route)]
        self.faults += self._find_unreachable()

    def _add(self, route: MappedRoute) -> Iterator[tuple[int, str]]:
        node, is_rest = self._root, route.segments[-1:] == (REST,)
        for segment in route.segments[:-1] if is_rest else route.segments:
            node = self._step(node, segment)
        if route.public_method is not None:
            routes = node.public_rests if is_rest else node.public_ends
            taken = routes.setdefault(route.public_method, route)
        elif is_rest:
            taken = node.rest = node.rest or route
        else:
            taken = node.end = node.end or route
        if taken is not route:
            yield route.line, f"matches the same paths as line {taken.line}"

    @staticmethod
    def _step(node: _Node, segment: str) -> _Node:
        if segment != PARAMETER:
            return node.literals.setdefault(segment, _Node())
        node.parameter = node.parameter or _Node()
        return node.parameter

    def read(self, method: str, target: str) -> MappedRequest:
        """Return what a request asks for; `target` is its target in origin form, as it was sent."""
        path, _, query = target.partition("?")
        if is_plain(path) and not (query and mentions_method(query)):
            route = _match(self._root, path[1:].split("/"), 0, method)
            return _UNMAPPED if route is None else MappedRequest(route, route.access(method))
        readable = read_path(path)
        return UNCLEAR if readable is None else self._read(method, readable, read_overrides(query))

    def match(self, segments: Sequence[str], method: str = "") -> MappedRoute | None:
        """Return the most specific route for the segments of a path, or None if the map has none.

        Without a method public routes are left out.
        """
        return _match(self._root, segments, 0, method)

    def _read(self, method: str, path: RequestPath, overrides: tuple[str, ...]) -> MappedRequest:
        methods = (method, *overrides)
        # A trailing slash may be ignored, or begin an empty last segment, which a parameter may match, and a
        # rest, or neither.
        paths = [path.forms] if len(path.sent) == len(path.forms) else [path.forms, (*path.forms, NOTHING)]
        found = {(line, used) for used in methods for forms in paths for line in self._match_all(forms, used)}
        mapped = [(self._by_line[line], used) for line, used in found if line != NO_LINE]
        if not mapped:
            return _UNMAPPED
        taken = self.match(path.plain, method)
        outcomes = {(route.category, route.access(used)) for route, used in mapped}
        if taken is None or len(outcomes) > 1 or (taken.is_public and not self._is_public(path, methods)):
            between = tuple(self._by_line[line] for line in sorted({route.line for route, _ in mapped}))
            return MappedRequest(None, None, is_clear=False, between=between)
        return MappedRequest(taken, taken.access(method))

    def _is_public(self, path: RequestPath, methods: tuple[str, ...]) -> bool:
        # Without a key nothing else stands in the way, so the path has to be the one that the map names.
        routes = [self.match(path.sent, method) for method in methods]
        return all(route is not None and route.is_public for route in routes)

    def _match_all(self, forms: Sequence[Sequence[str]], method: str) -> set[int]:
        """Return the line of each way to read a path, `NO_LINE` for one that has no route."""
        return _match_all(self._root, forms, 0, method, self._literal_length_max)

    def _find_unreachable(self) -> Iterator[tuple[int, str]]:
        """Yield a fault for each route whose own plain requests are read as another route too."""
        for route in self.routes:
            asked = (self.read(method, path) for path in self.examples(route) for method in _methods(route))
            others = {each.line for one in asked for each in one.between if each.line != route.line}
            if others:
                yield route.line, f"its requests can also be read as those of {_name_lines(others)}"

    def examples(self, route: MappedRoute) -> Iterator[str]:
        """Yield plain paths of a route whose parameters are no literal of the map."""
        anything = "0" * (self._literal_length_max + 1)
        known = [anything if each == PARAMETER else each for each in route.segments if each != REST]
        if known:
            yield "/" + "/".join(known)
        if route.segments[-1:] == (REST,):
            yield "/" + "/".join((*known, anything))


def _match(node: _Node, segments: Sequence[str], depth: int, method: str) -> MappedRoute | None:
    if depth == len(segments):
        return node.at_end(method)
    found = None
    if (literal := node.literals.get(segments[depth])) is not None:
        found = _match(literal, segments, depth + 1, method)
    if found is None and node.parameter is not None:
        found = _match(node.parameter, segments, depth + 1, method)
    return found or node.at_rest(method)


def _match_all(
    node: _Node, forms: Sequence[Sequence[str]], depth: int, method: str, length_max: int
) -> set[int]:
    if depth == len(forms):
        return {_line(node.at_end(method))}
    if forms[depth] == NOTHING:
        last = {NO_LINE} if node.parameter is None else {_line(node.parameter.at_end(method))}
        return {NO_LINE, _line(node.at_rest(method)), *last}
    found: set[int] = set()
    readings = {each for form in forms[depth] for each in cut_suffixes(form, length_max)}
    for literal in readings & node.literals.keys():
        found |= _match_all(node.literals[literal], forms, depth + 1, method, length_max)
    if NO_LINE in found or not readings <= node.literals.keys():
        found.discard(NO_LINE)
        child = node.parameter
        found |= {NO_LINE} if child is None else _match_all(child, forms, depth + 1, method, length_max)
    if NO_LINE in found:
        found.discard(NO_LINE)
        found.add(_line(node.at_rest(method)))
    return found


def _line(route: MappedRoute | None) -> int:
    return NO_LINE if route is None else route.line


def _methods(route: MappedRoute) -> tuple[str, ...]:
    return (route.public_method,) if route.public_method else ("GET", "POST", *route.exceptions)


def _name_lines(lines: set[int]) -> str:
    first, *more = sorted(lines)
    return f"line {first}" if not more else f"lines {first} and {', '.join(map(str, more))}"
