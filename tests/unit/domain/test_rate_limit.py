"""How often a key may be used: what a limit is, and what comes of each request under it."""

from typing import Any

import pytest
from msgspec.structs import replace

from keyfold.domain.rate_limit import RateLimit, Taken, arrive, carried_over, is_over

SECOND = 1_000_000_000
START = 10_000_000 * SECOND
TEN_A_MINUTE = RateLimit.of(10, 60)
THREE_AT_ONCE = RateLimit.of(10, 60, 3)
ODD: tuple[Any, ...] = (True, 1.0, "1", None)


def taken(limit: RateLimit, *after_s: float, due: int | None = None) -> list[Taken]:
    """Return what comes of requests so many seconds after the start."""
    outcomes = []
    for at_s in after_s:
        outcomes.append(arrive(limit, due, START + int(at_s * SECOND)))
        due = outcomes[-1].due
    return outcomes


def test_without_a_burst_all_of_it_may_come_at_once() -> None:
    """A limit names its burst, or has as much as it lets through in its time."""
    assert RateLimit.of(10, 60) == RateLimit(requests=10, per_s=60, burst=10)
    assert RateLimit.of(10, 60, 3) == RateLimit(requests=10, per_s=60, burst=3)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("100/60", RateLimit.of(100, 60)),
        ("100/60:200", RateLimit.of(100, 60, 200)),
        ("1/1:1", RateLimit.of(1, 1)),
        ("1000000/86400:1000000", RateLimit.of(1_000_000, 86_400, 1_000_000)),
    ],
)
def test_a_limit_is_read_from_text(text: str, limit: RateLimit) -> None:
    """Requests, seconds, burst; its own text says all three and reads back."""
    assert RateLimit.parse(text) == limit
    assert RateLimit.parse(str(limit)) == limit


@pytest.mark.parametrize(
    "text",
    ["", "100", "100/", "/60", "100/60:", "100/60:x", " 100/60", "100/60 ", "-1/60", "1.5/60", "１/60"],
)
def test_another_text_is_refused(text: str) -> None:
    """It is told what would be right."""
    with pytest.raises(ValueError, match=r"no rate limit such as 100/60 or 100/60:200"):
        RateLimit.parse(text)


@pytest.mark.parametrize("field", ["requests", "per_s", "burst"])
def test_every_number_has_its_bounds(field: str) -> None:
    """At least one, at most a million requests or a day; anything else is refused by its name."""
    most = 86_400 if field == "per_s" else 1_000_000
    for inside in (1, most):
        replace(TEN_A_MINUTE, **{field: inside})
    for outside in (0, -1, most + 1):
        with pytest.raises(ValueError, match=f"`{field}` of a rate limit is a whole number from 1 to {most}"):
            replace(TEN_A_MINUTE, **{field: outside})
    for odd in ODD:
        with pytest.raises(ValueError, match=f"`{field}`"):
            replace(TEN_A_MINUTE, **{field: odd})


def test_a_burst_conforms_and_no_more() -> None:
    """As many as the burst at one instant, and not one on top."""
    outcomes = taken(THREE_AT_ONCE, 0, 0, 0, 0)
    assert [each.conforms for each in outcomes] == [True, True, True, False]
    assert [each.remaining for each in outcomes] == [2, 1, 0, 0]


def test_what_was_used_comes_back_one_by_one() -> None:
    """A request of ten a minute is there again six seconds later, and not a nanosecond before."""
    due = taken(THREE_AT_ONCE, 0, 0, 0)[-1].due
    early, in_time = START + 6 * SECOND - 1, START + 6 * SECOND
    assert not arrive(THREE_AT_ONCE, due, early).conforms
    assert arrive(THREE_AT_ONCE, due, in_time).conforms
    assert arrive(THREE_AT_ONCE, due, START + 12 * SECOND).remaining == 1


def test_nothing_is_saved_up_beyond_the_burst() -> None:
    """A key that was not used for a year has its burst and no more."""
    assert taken(THREE_AT_ONCE, 0, 365 * 86_400)[-1].remaining == 2


@pytest.mark.parametrize(("after_s", "retry_after_s"), [(0, 6), (0.5, 6), (1, 5), (5, 1), (5.999, 1)])
def test_a_refusal_says_when_to_come_again(after_s: float, retry_after_s: int) -> None:
    """In whole seconds, rounded up: who comes then is let through."""
    refused = taken(THREE_AT_ONCE, 0, 0, 0, after_s)[-1]
    assert (refused.conforms, refused.retry_after_s) == (False, retry_after_s)
    again = START + int((after_s + retry_after_s) * SECOND)
    assert arrive(THREE_AT_ONCE, refused.due, again).conforms


def test_it_is_told_when_all_of_it_is_there_again() -> None:
    """Six seconds for each that was used, rounded up; while something is left nobody has to wait."""
    first, second, third = taken(THREE_AT_ONCE, 0, 0.5, 0.5)
    assert [first.full_after_s, second.full_after_s, third.full_after_s] == [6, 12, 18]
    assert [first.retry_after_s, second.retry_after_s, third.retry_after_s] == [0, 0, 6]


def test_a_refused_request_takes_nothing() -> None:
    """However often it comes, it has to wait no longer than if it had come once."""
    *_, once = taken(THREE_AT_ONCE, 0, 0, 0, 1)
    *_, often = taken(THREE_AT_ONCE, 0, 0, 0, *[1] * 1000)
    assert often == once


def test_an_uneven_limit_is_never_rounded() -> None:
    """Seven in three seconds are seven in three seconds, for as long as it goes on."""
    limit, due, conforming = RateLimit.of(7, 3, 1), None, 0
    for tenth in range(3 * 1000 * 10):
        outcome = arrive(limit, due, START + tenth * SECOND // 10)
        due, conforming = outcome.due, conforming + outcome.conforms
    # Asked ten times a second, a request of every 3/7 of a second comes up to a tenth late each time.
    assert conforming == 6000
    exact = RateLimit.of(999_983, 86_400, 1)
    first = arrive(exact, None, START)
    assert first.owed == 86_400 * SECOND
    assert first.due == START * 999_983 + 86_400 * SECOND


def test_a_clock_that_went_back_keeps_nobody_waiting() -> None:
    """The whole burst counts as used, and one is there again after one request's time."""
    due = taken(THREE_AT_ONCE, 0)[-1].due
    back = arrive(THREE_AT_ONCE, due, START - 365 * 86_400 * SECOND)
    assert (back.conforms, back.retry_after_s) == (False, 6)
    assert arrive(THREE_AT_ONCE, back.due, START - 365 * 86_400 * SECOND + 6 * SECOND).conforms


def test_it_is_over_when_nothing_is_owed() -> None:
    """From then on a key is as good as one that was never used."""
    due = taken(THREE_AT_ONCE, 0)[-1].due
    assert not is_over(THREE_AT_ONCE, due, START + 6 * SECOND - 1)
    assert is_over(THREE_AT_ONCE, due, START + 6 * SECOND)


@pytest.mark.parametrize(
    ("new", "remaining"),
    [
        (RateLimit.of(10, 60, 5), 3),
        (RateLimit.of(1_000, 1, 5), 3),
        (RateLimit.of(1, 86_400, 5), 3),
        (RateLimit.of(10, 60, 1), 0),
        (RateLimit.of(7, 3, 2), 0),
    ],
)
def test_what_is_owed_is_owed_under_a_new_limit_too(new: RateLimit, remaining: int) -> None:
    """As many requests as before, of whichever length; at most the whole burst."""
    due = taken(THREE_AT_ONCE, 0, 0)[-1].due
    carried = carried_over(due, THREE_AT_ONCE, new, START)
    owed = carried - START * new.requests
    assert Taken(new, True, carried, owed).remaining == remaining
    assert owed <= new.burst * new.per_s * SECOND


def test_what_is_owed_is_never_rounded_away() -> None:
    """Whatever is owed, were it the last billionth of a request, is owed under the new limit too."""
    longer, shorter = RateLimit.of(10, 60), RateLimit.of(10, 59)
    due = START * longer.requests + 1
    assert carried_over(due, longer, shorter, START) == START * shorter.requests + 1


def test_what_has_come_back_is_not_owed_under_a_new_limit() -> None:
    """A key that has its whole burst under the old limit has it under the new."""
    due = taken(THREE_AT_ONCE, 0, 0)[-1].due
    later = START + 60 * SECOND
    assert carried_over(due, THREE_AT_ONCE, TEN_A_MINUTE, later) == later * TEN_A_MINUTE.requests
