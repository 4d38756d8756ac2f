"""Rate limits of keys, counted in this process alone: what each key has used, for as long as that matters."""

from collections import deque
from typing import Final

from keyfold.domain.ids import KeyId
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey
from keyfold.domain.rate_limit import RateLimit, Taken, arrive, carried_over, is_over

# More than one, so that what is over goes faster than anything new can come.
_SWEPT_PER_NEW_KEY: Final = 2


class RateLimiter:
    """Counts what the keys that have a limit use; `default` holds for those that have none of their own.

    Ask it only about a request that everything else allows: what is denied anyway uses nothing up, and no
    stranger can make it remember anything. It remembers a key while that has not got its whole burst back.
    """

    def __init__(self, default: RateLimit | None) -> None:
        self._default = default
        self._kept: dict[KeyId, tuple[RateLimit, int]] = {}
        # Every key of `_kept` once, in the order in which they are looked at next.
        self._to_sweep: deque[KeyId] = deque()

    def __len__(self) -> int:
        """Return of how many keys it remembers something."""
        return len(self._kept)

    def take(self, key: ActiveSubscriberKey, now_s: float) -> Taken | None:
        """Use one request of the key's limit up, if there is one left; None where no limit holds for the key.

        `now_s` is in seconds of a monotonic clock. A limit that was edited is in force at once: what was used
        under the one before is counted against it, as far as it has not come back yet.
        """
        limit = key.rate_limit or self._default
        if limit is None:
            return None
        now_ns = int(now_s * 1e9)
        taken = arrive(limit, self._due(key.key_id, limit, now_ns), now_ns)
        self._kept[key.key_id] = limit, taken.due
        return taken

    def _due(self, key_id: KeyId, limit: RateLimit, now_ns: int) -> int | None:
        kept = self._kept.get(key_id)
        if kept is None:
            self._sweep(now_ns)
            self._to_sweep.append(key_id)
            return None
        counted_under, due = kept
        # One that is equal and yet another object is carried over to itself, which changes nothing.
        return due if counted_under is limit else carried_over(due, counted_under, limit, now_ns)

    def _sweep(self, now_ns: int) -> None:
        for _ in range(min(_SWEPT_PER_NEW_KEY, len(self._to_sweep))):
            key_id = self._to_sweep.popleft()
            limit, due = self._kept[key_id]
            if is_over(limit, due, now_ns):
                del self._kept[key_id]
            else:
                self._to_sweep.append(key_id)


def rate_limit_headers(taken: Taken) -> dict[str, str]:
    """Return `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11) for an answer, and
    `Retry-After` where it is refused.

    With something left, `t` is when all of it is back; with nothing left, when one request is, for
    `Retry-After` must not lie before the window's end.
    """
    limit, left = taken.limit, taken.remaining
    until_s = taken.full_after_s if left else taken.retry_after_s
    headers = {
        "RateLimit-Policy": f'"key";q={limit.requests};w={limit.per_s};keyfold-burst={limit.burst}',
        "RateLimit": f'"key";r={left};t={until_s}',
    }
    if not taken.conforms:
        headers["Retry-After"] = str(until_s)
    return headers
