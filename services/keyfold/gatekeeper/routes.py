"""Everything that a gatekeeper answers on the service's own port beside `/authz`."""

from keyfold.gatekeeper.authz.policy import AuthzPolicy
from keyfold.gatekeeper.authz.shadow import Shadow
from keyfold.gatekeeper.queries.decide import DryRunRoutes
from keyfold.gatekeeper.queries.introspection import IntrospectionRoutes
from keyfold.gatekeeper.queries.shadow import ShadowRoutes
from keyfold.gatekeeper.queries.views import Views
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.runtime.clock import Clock
from keyfold.runtime.http.route import AnyRoute


def query_routes(
    policy: AuthzPolicy, replica: Replica, lease: Lease, shadow: Shadow | None, clock: Clock
) -> tuple[AnyRoute, ...]:
    """Return the routes of reads, dry runs, introspection and shadow mode."""
    return (
        *Views(replica, lease, clock).routes(),
        *DryRunRoutes(policy.route_map, replica, lease, clock).routes(),
        *IntrospectionRoutes(policy.gateways, replica, lease, clock).routes(),
        *ShadowRoutes(shadow).routes(),
    )
