"""The policy that decisions go by, until the operator's files are read anew."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from keyfold.domain.access.route_map_text import warn_of_route_map
from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.authz.policy import AuthzPolicy
from keyfold.gatekeeper.authz.shadow import Shadow, make_shadow
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import StopProcess, TryLater

Announce = Callable[[AuthzPolicy], Awaitable[int | None]]
"""Makes a policy known for good before the first answer under it; returns the number that events name it by.

Raises StopProcess, TryLater or OSError.
"""

log = structlog.get_logger(__name__)


async def _announce_nothing(_policy: AuthzPolicy) -> None:
    return None


class PolicyInForce:
    """The policy in force, since when, and the shadow that runs beside it.

    Whoever decides takes the policy once for each tick: no request is decided by parts of two.
    """

    def __init__(
        self,
        policy: AuthzPolicy,
        clock: Clock,
        *,
        announce: Announce = _announce_nothing,
        number: int | None = None,
    ) -> None:
        self._clock = clock
        self._announce = announce
        self.broken_since: datetime | None = None
        """When the files were first found broken, None while what they say is in force."""
        self.shadow: Shadow | None = None
        self._adopt(policy, number)

    def _adopt(self, policy: AuthzPolicy, number: int | None) -> None:
        for line, warning in warn_of_route_map(policy.route_map):
            log.warning("route_map_warning", line=line, warning=warning)
        self.policy, self.number = policy, number
        self.since = self._clock.now()
        if self.shadow is None or not self.shadow.is_between(policy.route_map, policy.shadow_map):
            self.shadow = make_shadow(policy.route_map, policy.shadow_map, self._clock)

    async def watch(self, hangups: asyncio.Event, read: Callable[[], AuthzPolicy]) -> None:
        """Read the files anew after each hangup."""
        while True:
            await hangups.wait()
            hangups.clear()
            await self.reload(read)

    async def reload(self, read: Callable[[], AuthzPolicy]) -> None:
        """Put what `read` returns in force; if it raises StopProcess, the policy stays as it is."""
        try:
            # In a thread, because a large map takes a while, and gateways wait for an answer.
            policy = await asyncio.to_thread(read)
            number = await self._announce(policy)
        except (StopProcess, TryLater, OSError) as fault:
            self.broken_since = self.broken_since or self._clock.now()
            metrics.POLICY_RELOADS.labels("failed").inc()
            log.error("policy_not_reloaded", error=str(fault), policy=self.policy.digest, since=self.since)
            return
        before, self.broken_since = self.policy.digest, None
        self._adopt(policy, number)
        metrics.POLICY_RELOADS.labels("done").inc()
        log.info("policy_reloaded", policy=policy.digest, before=before)

    def register_metrics(self) -> None:
        """Let the metrics say since when the policy is in force, and since when the files are broken."""
        metrics.POLICY_SINCE.set_function(lambda: self.since.timestamp())
        metrics.POLICY_BROKEN.set_function(lambda: 0 if self.broken_since is None else 1)

    def describe(self) -> str:
        """Return the policy's version and since when it is in force, for people."""
        known = f"{self.policy.digest[:12]} since {self.since:%Y-%m-%dT%H:%M:%SZ}"
        if self.broken_since is None:
            return known
        return f"{known}; the files have been broken since {self.broken_since:%Y-%m-%dT%H:%M:%SZ}"
