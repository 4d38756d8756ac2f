"""When a gatekeeper is ready: it has a state, holds a lease on it, and its journal takes records."""

from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.journal.writer import Journal
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.runtime.clock import Clock
from keyfold.runtime.health import Health


def add_checks(health: Health, replica: Replica, lease: Lease, journal: Journal, clock: Clock) -> None:
    """Make readiness depend on the state, the lease and the journal."""
    health.add("state", lambda: state_trouble(replica))
    health.add("lease", lambda: _lease_trouble(lease, clock))
    health.add("journal", lambda: None if journal.fault is None else f"no journal: {journal.fault}")
    metrics.LEASE_REMAINING.set_function(lambda: max(0.0, lease.until_s - clock.monotonic_s()))


def _lease_trouble(lease: Lease, clock: Clock) -> str | None:
    """Return why requests are no longer allowed, or soon will not be: others can still be asked instead."""
    if lease.missing is not None:
        return f"no lease is held: {lease.missing}"
    if not lease.is_held(clock.monotonic_s()):
        return "no lease is held"
    if (reason := lease.unrenewable) is not None:
        return f"the lease ends and is not renewed: {reason}"
    return None


def state_trouble(replica: Replica) -> str | None:
    """Return why there is no state, with how far its load has come, or no later one; None if there is."""
    if replica.stuck is not None:
        return replica.stuck
    if replica.state is not None:
        return None
    if replica.altered is not None:
        return replica.altered
    if (loaded := replica.loading) is None:
        return "the state is not loaded yet"
    return f"the state is not loaded yet: {loaded.keys:,} of {loaded.of_keys:,} keys"
