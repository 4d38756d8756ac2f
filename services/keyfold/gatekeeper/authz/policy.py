"""The operator's policy: the gateways, the route maps, and what is kept of each request."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from keyfold.domain.access.route_map import RouteMap
from keyfold.domain.access.route_map_text import canonical_route_map
from keyfold.gatekeeper.authz.request.presented_keys import KeyHeaders
from keyfold.gatekeeper.gateways import Gateways, load_gateways
from keyfold.gatekeeper.route_map_file import load_route_map
from keyfold.gatekeeper.settings import ClientIpKept, GatekeeperSettings, PathsKept


@dataclass(frozen=True, kw_only=True)
class AuthzPolicy:
    """The part of the settings that answers depend on, read and checked; `shadow_map` decides nothing."""

    gateways: Gateways
    route_map: RouteMap
    key_headers: KeyHeaders
    client_ip: ClientIpKept
    paths: PathsKept = "full"
    shadow_map: RouteMap | None = None
    limits: str = ""
    """The settings about rates and time that decide, a line each."""

    @cached_property
    def text(self) -> str:
        """What decisions and their records depend on, a line each, without a secret or its digest.

        Two policies with the same text decide alike and record alike.
        """
        return (
            f"{self.limits}"
            f"client_ip {self.client_ip}\n"
            f"paths {self.paths}\n"
            f"key_headers {self.key_headers.vendor} {self.key_headers.subscriber}\n"
            f"{self.gateways.text}"
            f"{canonical_route_map(self.route_map)}"
        )

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the text, hexadecimal: the policy's version."""
        return sha256(self.text.encode()).hexdigest()


def load_policy(settings: GatekeeperSettings) -> AuthzPolicy:
    """Read the files that the settings name. Raises StopProcess with every fault of the first broken one."""
    shadow = settings.shadow_route_map
    return AuthzPolicy(
        gateways=load_gateways(settings.gateways),
        route_map=load_route_map(settings.route_map),
        key_headers=KeyHeaders(vendor=settings.vendor_key_header, subscriber=settings.subscriber_key_header),
        client_ip=settings.client_ip,
        paths=settings.paths,
        limits=(
            f"rate_limit_default {settings.rate_limit_default or 'none'}\n"
            f"staleness_max_s {settings.staleness_max_s:g}\n"
            f"flood_per_s {settings.flood_per_s}\n"
        ),
        shadow_map=None if shadow is None else load_route_map(shadow),
    )
