"""Everything that a gatekeeper answers on the service's own port beside `/authz`."""

from keyfold.gatekeeper.authz.policy_in_force import PolicyInForce
from keyfold.gatekeeper.queries.decide import DryRunRoutes
from keyfold.gatekeeper.queries.introspection import IntrospectionRoutes
from keyfold.gatekeeper.queries.shadow import ShadowRoutes
from keyfold.gatekeeper.queries.views import Views
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.runtime.clock import Clock
from keyfold.runtime.http.route import AnyRoute


def query_routes(
    in_force: PolicyInForce, replica: Replica, lease: Lease, clock: Clock
) -> tuple[AnyRoute, ...]:
    """Return the routes of reads, dry runs, introspection and shadow mode."""
    return (
        *Views(replica, lease, clock).routes(),
        *DryRunRoutes(in_force, replica, lease, clock).routes(),
        *IntrospectionRoutes(in_force, replica, lease, clock).routes(),
        *ShadowRoutes(in_force).routes(),
    )
