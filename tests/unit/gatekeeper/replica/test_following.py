"""How many events a gatekeeper takes at once."""

from keyfold.gatekeeper.replica.following import events_next


def test_few_events_are_taken_few_at_a_time() -> None:
    """While it keeps up, answers wait for only a few events at a time."""
    assert events_next(16, 3) == 16
    assert events_next(64, 63) == 16


def test_a_burst_is_taken_few_at_a_time() -> None:
    """A burst of a hundred events does not make answers wait longer."""
    assert max(count_takes(100)) < 2 * 16


def test_what_is_left_behind_is_caught_up_with() -> None:
    """While it falls behind it takes more events at a time, up to a bound."""
    assert count_takes(20_000)[-2:] == [128, 128]
    assert max(count_takes(100_000)) == 128


def count_takes(left: int) -> list[int]:
    """Return how many events are taken each time, until none of so many is left."""
    found = [16]
    while sum(found) < left:
        found.append(events_next(found[-1], found[-1]))
    return found
