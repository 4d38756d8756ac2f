"""How often a key may be used: so many requests in so much time, by the generic cell rate algorithm."""

import re

from msgspec import Struct

REQUESTS_MAX = 1_000_000
PER_S_MAX = 86_400
BURST_MAX = 1_000_000

_NS = 1_000_000_000
_TEXT = re.compile(r"(\d{1,9})/(\d{1,9})(?::(\d{1,9}))?", re.ASCII)


class RateLimit(Struct, frozen=True, kw_only=True, gc=False):
    """`requests` in every `per_s` seconds in the long run, and up to `burst` of them at once.

    Raises ValueError, which says what would be right, for numbers out of bounds.
    """

    requests: int
    per_s: int
    burst: int

    def __post_init__(self) -> None:
        """Refuse what is no limit: never any request, or a wait of more than a day for the next one."""
        _check("requests", self.requests, REQUESTS_MAX)
        _check("per_s", self.per_s, PER_S_MAX)
        _check("burst", self.burst, BURST_MAX)

    @classmethod
    def of(cls, requests: int, per_s: int, burst: int | None = None) -> "RateLimit":
        """Return the limit; where no burst is named, all of `requests` may come at once."""
        return cls(requests=requests, per_s=per_s, burst=requests if burst is None else burst)

    @classmethod
    def parse(cls, text: str) -> "RateLimit":
        """Return the limit that `100/60` or `100/60:200` names. Raises ValueError: what would be right."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError("it is no rate limit such as 100/60 or 100/60:200 (requests/seconds:burst)")
        return cls.of(*(int(number) for number in found.groups() if number is not None))

    def __str__(self) -> str:
        """Return the text that `parse` reads, the burst always named."""
        return f"{self.requests}/{self.per_s}:{self.burst}"


def _check(name: str, value: int, most: int) -> None:
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"`{name}` of a rate limit is a whole number from 1 to {most}")


class Taken(Struct, frozen=True, gc=False):
    """What came of one request under a limit.

    `due` is the theoretical arrival time to keep for the next, `owed` how far it lies ahead of now. Both are
    in steps: one nanosecond is `limit.requests` steps, so that a request costs a whole number of them under
    any limit, and nothing is ever rounded, however long a key is used.
    """

    limit: RateLimit
    conforms: bool
    due: int
    owed: int

    @property
    def remaining(self) -> int:
        """How many more would conform at once."""
        return self.limit.burst - -(-self.owed // _cost(self.limit))

    @property
    def retry_after_s(self) -> int:
        """In how many seconds, rounded up, one more conforms; 0 where it would now."""
        return _seconds(self.limit, max(0, self.owed - (self.limit.burst - 1) * _cost(self.limit)))

    @property
    def full_after_s(self) -> int:
        """In how many seconds, rounded up, the whole burst is there again."""
        return _seconds(self.limit, self.owed)


def arrive(limit: RateLimit, due: int | None, now_ns: int) -> Taken:
    """Tell whether a request at `now_ns`, nanoseconds of a clock that never goes back, conforms to the limit.

    The generic cell rate algorithm in its form of virtual scheduling (ATM Forum, Traffic Management 4.0).
    `due` is what the request before left, None where there was none. A request that does not conform takes
    nothing.
    """
    now = now_ns * limit.requests
    cost = limit.per_s * _NS
    most = limit.burst * cost
    owed = 0 if due is None or due <= now else due - now
    if owed > most:
        # Only a clock that went back owes more than a burst; nobody is to wait until it has caught up.
        owed = most
    if owed + cost > most:
        return Taken(limit, False, now + owed, owed)
    return Taken(limit, True, now + owed + cost, owed + cost)


def is_over(limit: RateLimit, due: int, now_ns: int) -> bool:
    """Tell whether nothing is owed any more, so that there is nothing to keep."""
    return due <= now_ns * limit.requests


def carried_over(due: int, old: RateLimit, new: RateLimit, now_ns: int) -> int:
    """Return the arrival time to go on with when a limit is replaced.

    The requests that are owed under the old limit are owed under the new, at most a whole burst of them.
    """
    owed = max(0, due - now_ns * old.requests)
    return now_ns * new.requests + min(-(-owed * new.per_s // old.per_s), new.burst * _cost(new))


def _cost(limit: RateLimit) -> int:
    return limit.per_s * _NS


def _seconds(limit: RateLimit, steps: int) -> int:
    return -(-steps // (limit.requests * _NS))
