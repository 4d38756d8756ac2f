"""What holds of every rate limit and every row of requests, against counting them one by one."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from keyfold.domain.rate_limit import RateLimit, arrive, carried_over
from tests.support.property.strategies import rate_limits

SECOND = 1_000_000_000
small_limits = st.builds(
    RateLimit, requests=st.integers(1, 5), per_s=st.integers(1, 5), burst=st.integers(1, 5)
)
limits = small_limits | rate_limits
starts = st.integers(0, 10**18)
# Standing still, about as fast as limits let through, and for long.
pauses = st.lists(
    st.just(0) | st.integers(0, 3 * SECOND) | st.sampled_from([SECOND, SECOND // 3, 86_400 * SECOND]),
    min_size=1,
    max_size=40,
)
leaps = st.lists(st.integers(-(10**13), 10**10), min_size=1, max_size=40)


def conforming(limit: RateLimit, times: list[int]) -> list[int]:
    """Return which of the requests at these times conform."""
    due, passed = None, []
    for at in times:
        taken = arrive(limit, due, at)
        due = taken.due
        if taken.conforms:
            passed.append(at)
    return passed


def after(start: int, steps: list[int]) -> list[int]:
    """Return the times that these steps lead to, none before 0."""
    times = []
    for step in steps:
        start = max(0, start + step)
        times.append(start)
    return times


@given(limit=limits, start=starts, steps=pauses)
def test_no_window_lets_more_through_than_the_limit(limit: RateLimit, start: int, steps: list[int]) -> None:
    """In any t seconds no more than burst + requests/per_s * t, to the nanosecond."""
    passed = conforming(limit, after(start, steps))
    for first, since in enumerate(passed):
        for last, until in enumerate(passed[first:], first):
            window_s = Fraction(until - since, SECOND)
            assert last - first + 1 <= limit.burst + Fraction(limit.requests, limit.per_s) * window_s


@given(limit=limits, start=starts, steps=pauses)
def test_what_the_limit_allows_is_let_through(limit: RateLimit, start: int, steps: list[int]) -> None:
    """A request is refused only where letting it through would make too many in some window until now."""
    passed: list[int] = []
    due = None
    for at in after(start, steps):
        taken = arrive(limit, due, at)
        due = taken.due
        rate = Fraction(limit.requests, limit.per_s * SECOND)
        too_many = any(
            len(passed) - first + 1 > limit.burst + rate * (at - since) for first, since in enumerate(passed)
        )
        assert taken.conforms is not too_many
        if taken.conforms:
            passed.append(at)


@given(limit=limits, start=starts, steps=pauses)
def test_a_denied_request_takes_nothing(limit: RateLimit, start: int, steps: list[int]) -> None:
    """All who conform do so too when those who do not had never come."""
    passed = conforming(limit, after(start, steps))
    assert conforming(limit, passed) == passed


@given(limit=limits, start=starts, steps=pauses)
def test_what_is_told_comes_true(limit: RateLimit, start: int, steps: list[int]) -> None:
    """So many more conform at once; after the one wait one more does, after the other all of the burst."""
    due = None
    for at in after(start, steps):
        taken = arrive(limit, due, at)
        due = taken.due
    row = min(taken.remaining, 50)
    assert len(conforming_after(taken.due, limit, at, row)) == row
    if taken.remaining < 50:
        assert len(conforming_after(taken.due, limit, at, taken.remaining + 1)) == taken.remaining
    assert (taken.retry_after_s == 0) is (taken.remaining > 0)
    assert arrive(limit, taken.due, at + taken.retry_after_s * SECOND).conforms
    assert arrive(limit, taken.due, at + taken.full_after_s * SECOND).remaining == limit.burst - 1
    if taken.retry_after_s:
        assert not arrive(limit, taken.due, at + (taken.retry_after_s - 1) * SECOND).conforms


def conforming_after(due: int, limit: RateLimit, at: int, count: int) -> list[int]:
    """Return which of so many requests at one instant conform."""
    passed = []
    for _ in range(count):
        taken = arrive(limit, due, at)
        due = taken.due
        if taken.conforms:
            passed.append(at)
    return passed


@given(limit=limits, start=starts, steps=leaps)
def test_a_clock_that_goes_back_does_no_harm(limit: RateLimit, start: int, steps: list[int]) -> None:
    """At any reading no more than the burst is left, and nobody waits longer than one request takes."""
    due = None
    for at in after(start, steps):
        taken = arrive(limit, due, at)
        due = taken.due
        assert 0 <= taken.remaining <= limit.burst - taken.conforms
        assert taken.retry_after_s <= -(-limit.per_s // limit.requests)
        assert taken.full_after_s <= -(-limit.burst * limit.per_s // limit.requests)


@given(old=limits, new=limits, start=starts, steps=pauses)
def test_an_edit_gives_nothing_away(old: RateLimit, new: RateLimit, start: int, steps: list[int]) -> None:
    """Under the new limit as many are used as were under the old, or its whole burst."""
    due = None
    for at in after(start, steps):
        taken = arrive(old, due, at)
        due = taken.due
    used = old.burst - taken.remaining
    left = new.burst - min(used, new.burst)
    carried = carried_over(taken.due, old, new, at)
    assert len(conforming_after(carried, new, at, min(left + 1, 50))) == min(left, 50)
