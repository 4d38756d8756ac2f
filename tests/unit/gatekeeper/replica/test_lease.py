"""The lease, by beats and applied positions."""

import math

from keyfold.gatekeeper.replica.lease import Beat, Lease


def test_there_is_no_lease_before_the_first_beats_head_is_applied() -> None:
    """A beat counts only once its head is applied."""
    lease = Lease(60)
    lease.beat(Beat(began_s=100, head=7), applied_position=6)
    assert not lease.is_held(100)
    lease.note_applied(7)
    assert lease.is_held(100)


def test_it_runs_from_the_start_of_the_beat() -> None:
    """It ends `staleness_max_s` after the start of the beat, however late the beat counts."""
    lease = Lease(60)
    lease.beat(Beat(began_s=100, head=7), applied_position=0)
    lease.note_applied(9)
    assert lease.is_held(159.999)
    assert not lease.is_held(160)


def test_a_later_beat_that_waits_does_not_shorten_it() -> None:
    """While a newer head is not applied yet, the last proof still counts."""
    lease = Lease(60)
    lease.beat(Beat(began_s=100, head=7), applied_position=7)
    lease.beat(Beat(began_s=101, head=8), applied_position=7)
    assert lease.until_s == 160
    lease.note_applied(8)
    assert lease.until_s == 161


def test_a_forfeited_lease_never_comes_back() -> None:
    """After a forfeit no beat revives it."""
    lease = Lease(60)
    lease.beat(Beat(began_s=100, head=7), applied_position=7)
    lease.forfeit()
    lease.beat(Beat(began_s=101, head=7), applied_position=7)
    assert not lease.is_held(101)


def test_turned_off_it_runs_for_ever_but_still_needs_a_first_proof() -> None:
    """With 0 an outage stops nothing, and a forfeit stops everything."""
    lease = Lease(0)
    assert not lease.is_held(0)
    lease.beat(Beat(began_s=100, head=0), applied_position=0)
    assert lease.until_s == math.inf
    lease.forfeit()
    assert not lease.is_held(100)
