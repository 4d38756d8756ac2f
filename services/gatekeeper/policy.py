"""The policy that an operator has laid down: the gateways, the route map, and what is kept of whom."""

from dataclasses import dataclass
from pathlib import Path

from libs.domain.route_map import RouteMap
from libs.domain.route_map_text import BadRouteMap, parse_route_map
from libs.runtime.failure import StopProcess
from services.gatekeeper.gateways import Gateways, load_gateways
from services.gatekeeper.presented_keys import KeyHeaders
from services.gatekeeper.settings import ClientIpKept, GatekeeperSettings, PathsKept


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The part of the settings that answers depend on, read and checked."""

    gateways: Gateways
    route_map: RouteMap
    key_headers: KeyHeaders
    client_ip: ClientIpKept
    paths: PathsKept = "full"


def load_policy(settings: GatekeeperSettings) -> Policy:
    """Read the files that the settings name. Raises StopProcess with every fault of a broken one."""
    return Policy(
        gateways=load_gateways(settings.gateways),
        route_map=load_route_map(settings.route_map),
        key_headers=KeyHeaders(vendor=settings.vendor_key_header, subscriber=settings.subscriber_key_header),
        client_ip=settings.client_ip,
        paths=settings.paths,
    )


def load_route_map(path: Path) -> RouteMap:
    """Read a route map. Raises StopProcess that names each broken line and what is wrong there."""
    try:
        return parse_route_map(path.read_text(encoding="utf-8"))
    except BadRouteMap as bad:
        faults = "; ".join(f"line {line}: {what}" for line, what in bad.faults)
        raise StopProcess(f"the route map {path} is wrong: {faults}") from None
    except (OSError, UnicodeDecodeError) as unreadable:
        raise StopProcess(f"the route map {path} cannot be read: {unreadable}") from None
