"""The route map: the category of data, and the access to it, that a method and a path ask for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from keyfold.domain.permissions import Access, Category

READ_METHODS = frozenset({"GET", "HEAD"})
"""Methods that read, unless a route says otherwise; every other method writes (RFC 9110, section 9.2.1)."""

REST = "**"
PARAMETER = "{}"


class MappedRoute(Struct, frozen=True, kw_only=True, gc=False):
    """One line of the map: a pattern, its category, and the methods whose access is an exception.

    A pattern's segments are literals, `{}` (any one segment) and, at the end, `**` (any number, also none).
    """

    segments: tuple[str, ...]
    category: Category
    exceptions: Mapping[str, Access]
    line: int

    def access(self, method: str) -> Access:
        """Return the access that the method asks for on this route."""
        if method == "HEAD" and method not in self.exceptions:
            return self.access("GET")  # HEAD runs what GET runs (RFC 9110, section 9.3.2)
        default = Access.READ if method in READ_METHODS else Access.WRITE
        return self.exceptions.get(method, default)


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    rest: MappedRoute | None = None
    end: MappedRoute | None = None


class RouteMap:
    """Routes as a tree.

    If two match, the more specific one wins: segment by segment, a literal before `{}` before `**`.
    """

    def __init__(self, routes: tuple[MappedRoute, ...]) -> None:
        self._root = _Node()
        self.faults: list[tuple[int, str]] = [fault for route in routes for fault in self._add(route)]

    def _add(self, route: MappedRoute) -> Iterator[tuple[int, str]]:
        node = self._root
        for segment in route.segments:
            if segment == REST:
                taken, node.rest = node.rest, node.rest or route
                break
            node = self._step(node, segment)
        else:
            taken, node.end = node.end, node.end or route
        if taken is not None:
            yield route.line, f"matches the same paths as line {taken.line}"

    @staticmethod
    def _step(node: _Node, segment: str) -> _Node:
        if segment != PARAMETER:
            return node.literals.setdefault(segment, _Node())
        node.parameter = node.parameter or _Node()
        return node.parameter

    def match(self, segments: tuple[str, ...]) -> MappedRoute | None:
        """Return the most specific route for a normalised path, or None if the map has none."""
        return _match(self._root, segments, 0)


def _match(node: _Node, segments: tuple[str, ...], depth: int) -> MappedRoute | None:
    if depth == len(segments):
        return node.end or node.rest
    found = None
    if (literal := node.literals.get(segments[depth])) is not None:
        found = _match(literal, segments, depth + 1)
    if found is None and node.parameter is not None:
        found = _match(node.parameter, segments, depth + 1)
    return found or node.rest
