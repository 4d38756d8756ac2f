"""What one gatekeeper process counts of the keys that it lets through, and what it tells of it."""

import pytest
from msgspec.structs import replace

from keyfold.domain.ids import KeyId
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey
from keyfold.domain.rate_limit import RateLimit, Taken
from keyfold.gatekeeper.authz.rate_limiter import RateLimiter, rate_limit_headers
from tests.support.domain.given import KEY

NOW_S = 12_345.678
TWO_A_MINUTE = RateLimit.of(2, 60)
LIMITED = replace(KEY, rate_limit=TWO_A_MINUTE)


def key(number: int, limit: RateLimit = TWO_A_MINUTE) -> ActiveSubscriberKey:
    """Return a numbered key."""
    return replace(KEY, key_id=KeyId(f"key_{number}"), rate_limit=limit)


def take(limiter: RateLimiter, key: ActiveSubscriberKey, now_s: float = NOW_S) -> Taken:
    """Take one of a key that has a limit."""
    taken = limiter.take(key, now_s)
    assert taken is not None
    return taken


def test_a_key_without_a_limit_is_not_counted() -> None:
    """Where there is no default either, it may be used as often as one likes, and nothing is remembered."""
    limiter = RateLimiter(None)
    assert limiter.take(KEY, NOW_S) is None
    assert len(limiter) == 0


def test_a_key_has_its_own_limit_before_the_default() -> None:
    """The default holds for a key that has none, wider or narrower than others'."""
    limiter = RateLimiter(RateLimit.of(1, 3600))
    assert take(limiter, KEY).limit == RateLimit.of(1, 3600)
    assert not take(limiter, KEY).conforms
    assert [take(limiter, key(1)).conforms for _ in range(3)] == [True, True, False]


def test_every_key_is_counted_by_itself() -> None:
    """One that is used up takes nothing from another."""
    limiter = RateLimiter(None)
    assert [take(limiter, key(1)).conforms for _ in range(3)] == [True, True, False]
    assert take(limiter, key(2)).conforms
    assert take(limiter, key(1), NOW_S + 30).conforms
    assert not take(limiter, key(1), NOW_S + 30).conforms


def test_an_edited_limit_is_in_force_with_the_next_request() -> None:
    """What was used still counts: neither a wider nor a narrower limit begins with a whole burst."""
    limiter = RateLimiter(None)
    for _ in range(2):
        take(limiter, LIMITED)
    wider = replace(LIMITED, rate_limit=RateLimit.of(4, 60))
    assert [take(limiter, wider).conforms for _ in range(3)] == [True, True, False]
    narrower = replace(LIMITED, rate_limit=RateLimit.of(1, 10))
    refused = take(limiter, narrower)
    assert (refused.conforms, refused.retry_after_s) == (False, 10)
    assert take(limiter, narrower, NOW_S + 10).conforms


def test_an_equal_limit_of_another_object_goes_on_counting() -> None:
    """A key that was changed in something else has used what it has used."""
    limiter = RateLimiter(None)
    assert [take(limiter, key(1, RateLimit.of(2, 60))).conforms for _ in range(3)] == [True, True, False]


def test_a_limit_that_was_lifted_for_a_while_goes_on_counting() -> None:
    """To lift a limit and to set it again is no way to a whole burst."""
    limiter = RateLimiter(None)
    for _ in range(2):
        take(limiter, LIMITED)
    assert limiter.take(replace(LIMITED, rate_limit=None), NOW_S) is None
    assert not take(limiter, LIMITED).conforms


def test_keys_that_have_all_of_it_again_are_forgotten() -> None:
    """With each key that is new, more go than come, until only those that matter are left."""
    limiter = RateLimiter(None)
    for number in range(1000):
        take(limiter, key(number))
    assert len(limiter) == 1000
    for number in range(1000, 3000):
        take(limiter, key(number), NOW_S + number)
    assert len(limiter) < 100


def test_keys_that_still_owe_are_kept_among_many_that_do_not() -> None:
    """Whatever comes and goes beside it, a key that was used up stays used up."""
    limiter = RateLimiter(None)
    slow = [key(number, RateLimit.of(1, 86_400)) for number in range(100)]
    for each in slow:
        take(limiter, each)
    for number in range(1000, 3000):
        take(limiter, key(number), NOW_S + 10 * number)
    assert not any(take(limiter, each, NOW_S + 30_000).conforms for each in slow)
    assert len(limiter) < 210


def test_a_key_that_was_forgotten_has_its_whole_burst() -> None:
    """It is as good as one that was never used."""
    limiter = RateLimiter(None)
    take(limiter, key(0))
    for number in range(1, 10):
        take(limiter, key(number), NOW_S + 1000)
    assert [take(limiter, key(0), NOW_S + 1000).remaining for _ in range(2)] == [1, 0]


@pytest.mark.parametrize(
    ("burst", "used", "expected"),
    [
        (5, 1, {"RateLimit": '"key";r=4;t=30'}),
        (5, 5, {"RateLimit": '"key";r=0;t=30'}),
        (5, 6, {"RateLimit": '"key";r=0;t=30', "Retry-After": "30"}),
        (1, 2, {"RateLimit": '"key";r=0;t=30', "Retry-After": "30"}),
    ],
)
def test_the_headers_say_how_much_is_left(burst: int, used: int, expected: dict[str, str]) -> None:
    """How many, and when all of it is back; with nothing left when one is, for a refusal to wait for."""
    limiter = RateLimiter(None)
    limit = RateLimit.of(2, 60, burst)
    *_, last = [take(limiter, key(1, limit)) for _ in range(used)]
    policy = {"RateLimit-Policy": f'"key";q=2;w=60;keyfold-burst={burst}'}
    assert rate_limit_headers(last) == policy | expected


def test_the_wait_in_the_headers_ends_with_each_second() -> None:
    """Rounded up: whoever waits so long is let through."""
    limiter = RateLimiter(None)
    for _ in range(3):
        take(limiter, LIMITED)
    for after_s, wait_s in ((0.4, "30"), (1, "29"), (10.001, "20")):
        refused = take(limiter, LIMITED, NOW_S + after_s)
        assert rate_limit_headers(refused)["Retry-After"] == wait_s
    assert take(limiter, LIMITED, NOW_S + 30.001).conforms
