"""Rate limits of tenants and callers: on commands, on calls that fail, and on tokens that name nobody."""

from math import ceil
from typing import Final

import structlog
from aiohttp import web
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter, SlidingWindowCounterRateLimiter

from keyfold.runtime import metrics
from keyfold.runtime.auth.caller import Caller, Role
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http.problem import Problem, Refused
from keyfold.runtime.settings.base import RateLimitSettings
from keyfold.runtime.sharing.hosts import ANY_HOST, name_host

LOGIN_SHARE: Final = 0.75
"""One login that runs away leaves the rest to its tenant's other logins, who may want to revoke a key."""

_WINDOW_S: Final = 60
_TOO_MANY: Final = 429
# Each count also scans for counters that have expired, so nobody must be able to make many.
_COUNTERS_MAX: Final = 4096
_CALLER: Final = web.RequestKey("caller", Caller)

RATE_LIMITED: Final = metrics.counter(
    "keyfold_http_rate_limited_total", "Requests refused with 429, by the limit that was reached.", ("limit",)
)

log = structlog.get_logger(__name__)


class RateLimits:
    """What each tenant may do within ``window_s``, counted in this process; 0 means no limit.

    The window slides: the count of the previous one weighs less and less.
    """

    def __init__(self, *, commands_max: int, failures_max: int, window_s: int = _WINDOW_S) -> None:
        self._commands = _TenantLimit("commands", "commands", commands_max, window_s)
        self._failures = _TenantLimit("failures", "calls that failed", failures_max, window_s)
        self._bad_tokens = _Limit("bad-tokens", "tokens that name nobody", failures_max, window_s)

    @classmethod
    def of(cls, settings: RateLimitSettings) -> "RateLimits":
        """Return the limits that these settings ask for."""
        return cls(commands_max=settings.commands_per_minute, failures_max=settings.failures_per_minute)

    async def admit(self, raw: web.Request, caller: Caller, *, is_command: bool) -> None:
        """Count a verified caller's command. Raises ``Refused``, before any work is done, at a limit."""
        refusal = await self._failures.find_refusal(caller)
        if refusal is None and is_command:
            refusal = await self._commands.count(caller)
        if refusal is not None:
            raise Refused(refusal)
        raw[_CALLER] = caller

    async def turn_away(self, raw: web.Request) -> None:
        """Count a token that names nobody. Raises ``Refused`` at the limit, without what is wrong with it.

        A good token is never refused for what others do from its address: behind a proxy all have the same.
        """
        address = ANY_HOST if self._bad_tokens.is_crowded else name_host(raw.remote)
        if not await self._bad_tokens.count(address):
            raise Refused(await self._bad_tokens.refusal(address, address=address))

    async def note(self, raw: web.Request, response: web.StreamResponse) -> None:
        """Count an admitted call that failed through the caller's fault; a signal of the application."""
        caller = raw.get(_CALLER)
        if caller is not None and 400 <= response.status < 500 and response.status != _TOO_MANY:
            await self._failures.count(caller)


class _TenantLimit:
    """One limit for a whole tenant, of which a single login gets three quarters at most.

    A tenant is an account or a vendor, however many logins it has. Who belongs to none has a limit of its
    own.
    """

    def __init__(self, name: str, what: str, most: int, window_s: int) -> None:
        self._tenants = _Limit(name, what, most, window_s)
        self._logins = _Limit(name, f"{what} of one login", ceil(most * LOGIN_SHARE), window_s)

    async def count(self, caller: Caller) -> Problem | None:
        """Count one more, or return the problem that says which limit is reached."""
        counters = self._counters_of(caller)
        refusal = await self.find_refusal(caller)
        for limit, who in counters if refusal is None else ():
            if not await limit.count(who):  # another call was in between
                return await limit.refusal(who)
        return refusal

    async def find_refusal(self, caller: Caller) -> Problem | None:
        """Return the problem that says which limit is reached, None if one more is within all."""
        for limit, who in self._counters_of(caller):
            if await limit.is_reached(who):
                return await limit.refusal(who)
        return None

    def _counters_of(self, caller: Caller) -> "tuple[tuple[_Limit, str], ...]":
        """Return the limits that count a caller, and the name by which each does."""
        tenant = caller.account_id or caller.vendor_id
        if tenant is None:
            # Anybody may have a login that is bound to nothing, or is a vendor's that has not applied.
            is_stranger = caller.role in {None, Role.VENDOR}
            sub = None if is_stranger and self._tenants.is_crowded else caller.sub
            # Names are tuples' texts, since a sub may hold any separator.
            return ((self._tenants, repr((caller.role and caller.role.value, sub))),)
        login = repr((tenant, None if self._logins.is_crowded else caller.sub))
        return (self._logins, login), (self._tenants, repr((tenant,)))


class _Limit:
    """One limit with its counters, which the library drops two windows after they began."""

    def __init__(self, name: str, what: str, most: int, window_s: int) -> None:
        self._name = name
        self._what = what
        self._most = most
        self._window_s = window_s
        self._item: RateLimitItem | None = RateLimitItemPerSecond(most, window_s) if most else None
        self._line = RateLimitItemPerSecond(1, window_s, namespace="LINE")
        self._storage = MemoryStorage()
        self._counted = SlidingWindowCounterRateLimiter(self._storage)
        self._said = FixedWindowRateLimiter(self._storage)

    @property
    def is_crowded(self) -> bool:
        """Whether there are so many counters, expired ones among them, that strangers may make no more."""
        return len(self._storage.storage) >= _COUNTERS_MAX

    async def count(self, who: str) -> bool:
        """Count one more and return True, or return False when the limit is reached."""
        return self._item is None or await self._counted.hit(self._item, who)

    async def is_reached(self, who: str) -> bool:
        """Tell whether one more would be too many."""
        return self._item is not None and not await self._counted.test(self._item, who)

    async def refusal(self, who: str, **shown: str) -> Problem:
        """Return the problem that says when to come again; log it once in a window for each ``who``."""
        RATE_LIMITED.labels(self._name).inc()
        if await self._said.hit(self._line, who):
            log.warning("rate_limited", limit=self._name, most=self._most, window_s=self._window_s, **shown)
        wait_s = await self._wait_s(who)
        return Problem(
            status=_TOO_MANY,
            slug="rate-limited",
            detail=f"more than {self._most} {self._what} in {self._window_s} s; come again in {wait_s} s",
            headers={
                "Retry-After": str(wait_s),
                "RateLimit-Policy": f'"{self._name}";q={self._most};w={self._window_s}',
                "RateLimit": f'"{self._name}";r=0;t={wait_s}',
            },
        )

    async def _wait_s(self, who: str) -> int:
        if self._item is None:
            return 0
        stats = await self._counted.get_window_stats(self._item, who)
        # At the moment of the reset one more is still too many: so add a second.
        return max(0, int(stats.reset_time - SYSTEM_CLOCK.now().timestamp())) + 1


UNLIMITED: Final = RateLimits(commands_max=0, failures_max=0)
"""For a service that takes no tokens."""
