"""The clock, health and metrics of a process."""

from datetime import UTC

import pytest

from keyfold.runtime import metrics
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.health import Health


def test_event_ids_sort_by_time() -> None:
    """Event ids are distinct UUIDv7s in the order in which they were made."""
    ids = [SYSTEM_CLOCK.new_event_id() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert {each[14] for each in ids} == {"7"}


def test_time_is_utc() -> None:
    """The time is aware and in UTC; the monotonic clock does not go back."""
    assert SYSTEM_CLOCK.now().tzinfo is UTC
    assert SYSTEM_CLOCK.monotonic_s() <= SYSTEM_CLOCK.monotonic_s()


def test_random_bytes() -> None:
    """Random bytes come in the count asked for, and not twice the same."""
    assert len(SYSTEM_CLOCK.random_bytes(32)) == 32
    assert SYSTEM_CLOCK.random_bytes(32) != SYSTEM_CLOCK.random_bytes(32)


def test_readiness() -> None:
    """A process is ready when no check has a reason against; each reason goes by its check's name."""
    health = Health()
    reasons: dict[str, str | None] = {"store": None, "caught-up": "42 events behind"}
    health.add("store", lambda: reasons["store"])
    health.add("caught-up", lambda: reasons["caught-up"])
    assert health.reasons() == {"caught-up": "42 events behind"}
    reasons["caught-up"] = None
    assert health.reasons() == {}


def test_a_draining_process_is_not_ready() -> None:
    """A process that is stopping is no longer ready."""
    health = Health()
    health.drain()
    health.drain()
    assert health.reasons() == {"draining": "the process is stopping"}


def test_two_checks_of_one_name() -> None:
    """A check cannot silently take another's place."""
    health = Health()
    health.add("store", lambda: None)
    with pytest.raises(ValueError, match="store"):
        health.add("store", lambda: None)


def test_metrics_are_documented() -> None:
    """A metric says what it means, under the product's prefix, and once."""
    metrics.gauge("keyfold_test_lag_seconds", "How far behind the test is.").set(3)
    exposition = metrics.exposition()
    assert b"# HELP keyfold_test_lag_seconds How far behind the test is." in exposition
    assert b"# TYPE keyfold_test_lag_seconds gauge" in exposition
    assert b"keyfold_test_lag_seconds 3.0" in exposition
    with pytest.raises(ValueError, match="keyfold_"):
        metrics.counter("lag_total", "No prefix.")
    with pytest.raises(ValueError, match="Duplicated"):
        metrics.gauge("keyfold_test_lag_seconds", "Again.")
