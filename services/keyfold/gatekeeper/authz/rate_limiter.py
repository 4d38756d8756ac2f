"""Rate limits of keys, counted in this process alone, and remembered as long as they matter."""

from collections import deque
from typing import Final

from keyfold.domain.ids import KeyId
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey
from keyfold.domain.rate_limit import RateLimit, Taken, arrive, carried_over, is_over

# More than one, so that expired entries go faster than new ones come.
_SWEPT_PER_NEW_KEY: Final = 2


class RateLimiter:
    """Counts the requests of keys that have a limit; `default` is the limit of keys without one of their own.

    Ask it only about a request that everything else allows: then a denied request uses nothing up, and no
    stranger can make it remember anything. It remembers a key until the key has its whole burst back.
    """

    def __init__(self, default: RateLimit | None) -> None:
        self._default = default
        self._kept: dict[KeyId, tuple[RateLimit, int]] = {}
        # Every key of `_kept` once, in the order in which they are checked next.
        self._to_sweep: deque[KeyId] = deque()

    def __len__(self) -> int:
        """Return how many keys it remembers."""
        return len(self._kept)

    def take(self, key: ActiveSubscriberKey, now_s: float) -> Taken | None:
        """Use up one request of the key's limit, if one is left; return None if the key has no limit.

        `now_s` is in seconds of a monotonic clock. An edited limit applies at once: what was used under the
        old one counts against it, as far as it has not come back yet.
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
        # Carrying a limit over to an equal one, which is another object, changes nothing.
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
    `Retry-After` if it is a refusal.

    With requests left, `t` is when all of them are back; with none left, it is when one is, because
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
