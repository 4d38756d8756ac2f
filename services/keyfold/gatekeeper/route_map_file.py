"""The route map as an operator's file."""

from pathlib import Path

from keyfold.domain.access.route_map import RouteMap
from keyfold.domain.access.route_map_text import BadRouteMap, parse_route_map
from keyfold.runtime.failure import StopProcess
from keyfold.runtime.settings.base import read_file


def load_route_map(path: Path) -> RouteMap:
    """Read a route map. Raises StopProcess that names each broken line and what is wrong there."""
    try:
        return read_route_map(read_file(path))
    except ValueError as broken:
        raise StopProcess(f"the route map {path}: {broken}") from None


def read_route_map(content: bytes) -> RouteMap:
    """Read a route map. Raises ValueError that names each broken line and what is wrong there."""
    try:
        return parse_route_map(content.decode())
    except BadRouteMap as bad:
        raise ValueError("; ".join(f"line {line}: {what}" for line, what in bad.faults)) from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
