"""The other ways to ask: everything that a gatekeeper answers on the service's own port beside `/authz`."""

from libs.runtime.clock import Clock
from libs.runtime.http.route import AnyRoute
from services.gatekeeper.decide import DryRunRoutes
from services.gatekeeper.introspection import IntrospectionRoutes
from services.gatekeeper.lease import Lease
from services.gatekeeper.policy import Policy
from services.gatekeeper.replica import Replica
from services.gatekeeper.shadow import Shadow
from services.gatekeeper.shadow_view import ShadowRoutes
from services.gatekeeper.views import Views


def asking_routes(
    policy: Policy, replica: Replica, lease: Lease, shadow: Shadow | None, clock: Clock
) -> tuple[AnyRoute, ...]:
    """Return the rows of the route table for reads, dry runs, introspection and shadow mode."""
    return (
        *Views(replica, lease, clock).routes(),
        *DryRunRoutes(policy.route_map, replica, lease, clock).routes(),
        *IntrospectionRoutes(policy.gateways, replica, lease, clock).routes(),
        *ShadowRoutes(shadow).routes(),
    )
