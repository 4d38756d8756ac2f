"""How many events a gatekeeper takes at once."""

from services.gatekeeper.following import events_next


def test_few_events_are_taken_few_at_a_time() -> None:
    """While it keeps up, answers wait for no more than the fewest events at once."""
    assert events_next(16, 3) == 16
    assert events_next(64, 63) == 16


def test_what_is_left_behind_is_caught_up_with() -> None:
    """While there are more than it takes, it takes more, but never so many that answers wait for long."""
    taken = [16]
    for _ in range(5):
        taken.append(events_next(taken[-1], taken[-1]))
    assert taken == [16, 32, 64, 128, 128, 128]
