"""The other ways to ask: everything that a gatekeeper answers on the service's own port beside `/authz`."""

from keyfold.gatekeeper.decide import DryRunRoutes
from keyfold.gatekeeper.introspection import IntrospectionRoutes
from keyfold.gatekeeper.lease import Lease
from keyfold.gatekeeper.policy import Policy
from keyfold.gatekeeper.replica import Replica
from keyfold.gatekeeper.shadow import Shadow
from keyfold.gatekeeper.shadow_view import ShadowRoutes
from keyfold.gatekeeper.views import Views
from keyfold.runtime.clock import Clock
from keyfold.runtime.http.route import AnyRoute


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
