"""How many answers that last may be under way at once: in this process, and of one tenant."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from keyfold.runtime.auth.caller import Caller
from keyfold.runtime.http import Problem, Refused

_RETRY_AFTER_S: Final = 5
_TENANT_SHARE: Final = 4


class ConcurrencyLimit:
    """So many places, of which one tenant gets no more than a quarter, and at least one."""

    def __init__(self, what: str, most: int) -> None:
        self._what = what
        self._most = most
        self._tenant_most = max(1, most // _TENANT_SHARE)
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken.total()

    def check(self, caller: Caller) -> None:
        """Refuse where there is no place, before anything is begun."""
        if self._taken[_tenant(caller)] >= self._tenant_most:
            raise Refused(
                self._refusal(429, "rate-limited", f"at most {self._tenant_most} {self._what} at once")
            )
        if self.taken >= self._most:
            raise Refused(self._refusal(503, "busy", f"there are as many {self._what} as can be served"))

    @contextmanager
    def one(self, caller: Caller) -> Iterator[None]:
        """Take a place for as long as the context lasts, or refuse."""
        self.check(caller)
        tenant = _tenant(caller)
        self._taken[tenant] += 1
        try:
            yield
        finally:
            self._taken[tenant] -= 1
            if not self._taken[tenant]:
                del self._taken[tenant]

    def _refusal(self, status: int, slug: str, detail: str) -> Problem:
        return Problem(status=status, slug=slug, detail=detail, headers={"Retry-After": str(_RETRY_AFTER_S)})


def _tenant(caller: Caller) -> str:
    # Who has neither may not ask here at all.
    return caller.account_id or caller.vendor_id or caller.sub
