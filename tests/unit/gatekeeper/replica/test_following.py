"""How many events a gatekeeper takes at once."""

from keyfold.gatekeeper.replica.following import events_next


def test_few_events_are_taken_few_at_a_time() -> None:
    """While it keeps up, answers wait for no more than the fewest events at once."""
    assert events_next(16, 3) == 16
    assert events_next(64, 63) == 16


def test_a_burst_is_taken_few_at_a_time() -> None:
    """A hundred events that come at once are no reason to let answers wait longer."""
    assert max(taken(100)) < 2 * 16


def test_what_is_left_behind_is_caught_up_with() -> None:
    """While there are more than it takes, it takes more, but never so many that answers wait for long."""
    assert taken(20_000)[-2:] == [128, 128]
    assert max(taken(100_000)) == 128


def taken(left: int) -> list[int]:
    """Return how many events are taken each time, until none of so many is left."""
    found = [16]
    while sum(found) < left:
        found.append(events_next(found[-1], found[-1]))
    return found
