"""How many long answers, such as exports, one process gives at once, and how many of them to one tenant."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from keyfold.runtime.auth.caller import Caller
from keyfold.runtime.http import Problem, Refused

_RETRY_AFTER_S: Final = 5
_TENANT_SHARE: Final = 4


class ConcurrencyLimit:
    """A number of places, of which one tenant takes at most a quarter, but always one.

    The last quarter of the places is for tenants that have none: slow readers of a few tenants, with several
    places each, leave room for others.
    """

    def __init__(self, what: str, places: int) -> None:
        self._what = what
        self._places = places
        self._tenant_places = max(1, places // _TENANT_SHARE)
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many places are taken."""
        return self._taken.total()

    def check(self, caller: Caller) -> None:
        """Raise Refused when no place is free, before anything is begun."""
        held, free = self._taken[_tenant(caller)], self._places - self.taken
        if held >= self._tenant_places:
            raise Refused(
                self._refusal(429, "rate-limited", f"at most {self._tenant_places} {self._what} at once")
            )
        if free <= (self._places // _TENANT_SHARE if held else 0):
            raise Refused(self._refusal(503, "busy", f"there are as many {self._what} as can be served"))

    @contextmanager
    def hold_place(self, caller: Caller) -> Iterator[None]:
        """Take a place for as long as the context lasts. Raises Refused when none is free."""
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
    # An operator has neither an account nor a vendor.
    return caller.account_id or caller.vendor_id or caller.sub
