"""When a gatekeeper is ready: it holds a state, a lease on it, and a journal that takes records."""

from libs.runtime.clock import Clock
from libs.runtime.health import Health
from services.gatekeeper import metrics
from services.gatekeeper.journal import Journal
from services.gatekeeper.lease import Lease
from services.gatekeeper.replica import Replica


def add_checks(health: Health, replica: Replica, lease: Lease, journal: Journal, clock: Clock) -> None:
    """Make readiness depend on state, lease and journal."""
    health.add("state", lambda: None if replica.state is not None else "the state is not loaded yet")
    health.add("lease", lambda: None if lease.is_held(clock.monotonic_s()) else "no lease is held")
    health.add("journal", lambda: None if journal.fault is None else f"no journal: {journal.fault}")
    metrics.LEASE_REMAINING.set_function(lambda: max(0.0, lease.until_s - clock.monotonic_s()))
