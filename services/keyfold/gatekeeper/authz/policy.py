"""The operator's policy: the gateways, the route map, and what is kept of each request."""

from dataclasses import dataclass

from keyfold.domain.access.route_map import RouteMap
from keyfold.gatekeeper.authz.request.presented_keys import KeyHeaders
from keyfold.gatekeeper.gateways import Gateways, load_gateways
from keyfold.gatekeeper.route_map_file import load_route_map
from keyfold.gatekeeper.settings import ClientIpKept, GatekeeperSettings, PathsKept


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthzPolicy:
    """The part of the settings that answers depend on, read and checked."""

    gateways: Gateways
    route_map: RouteMap
    key_headers: KeyHeaders
    client_ip: ClientIpKept
    paths: PathsKept = "full"


def load_policy(settings: GatekeeperSettings) -> AuthzPolicy:
    """Read the files that the settings name. Raises StopProcess with every fault of the first broken one."""
    return AuthzPolicy(
        gateways=load_gateways(settings.gateways),
        route_map=load_route_map(settings.route_map),
        key_headers=KeyHeaders(vendor=settings.vendor_key_header, subscriber=settings.subscriber_key_header),
        client_ip=settings.client_ip,
        paths=settings.paths,
    )
