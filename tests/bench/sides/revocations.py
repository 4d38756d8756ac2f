"""Revocations, each timed hop by hop, from the command's arrival until a client is denied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.bench.load.exchange import Answered, Asker, open_asker
from tests.bench.load.onlooker import Onlooker, open_onlooker
from tests.bench.load.wrk import LoadFailed
from tests.bench.side_by_side import SideBySide
from tests.bench.sides.write_side import LiveKey, Owners

ALLOWED_WITHIN_S = 30.0
ASK_INTERVAL_S = 0.001
WAIT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Hops:
    """When each hop ended, in seconds since the beginning."""

    committed_s: float
    readable_s: float
    denied_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoker:
    """Revokes keys one after another, each of which a client uses once a millisecond meanwhile."""

    both: SideBySide
    owners: Owners
    onlooker: Onlooker
    registry: Asker
    gatekeeper: Asker

    async def live_keys(self, keys: int) -> Sequence[LiveKey]:
        """Make this many keys, and return once all of them are allowed."""
        made = await self.owners.new_keys(keys)
        async with asyncio.timeout(ALLOWED_WITHIN_S):
            for key in made:
                while (await self.gatekeeper.ask(self._question(key))).status != 200:  # noqa: ASYNC110 (another process)
                    await asyncio.sleep(ASK_INTERVAL_S)
        return made

    async def revoke(self, key: LiveKey) -> Hops:
        """Revoke a key in use. The last allow comes at most a millisecond before the first denial."""
        readable = self.onlooker.revoked_at_s(key.key_id)
        began_s = SYSTEM_CLOCK.monotonic_s()
        answered, denied = await asyncio.gather(
            self.registry.ask(key.revocation()), self._denied(self._question(key))
        )
        _require_done(answered)
        return Hops(
            committed_s=answered.at_s - began_s,
            readable_s=await readable - began_s,
            denied_s=denied.at_s - began_s,
        )

    async def answered_s(self, key: LiveKey, *, is_waited_for: bool) -> float:
        """Revoke a key, and return how long the registry's answer took."""
        request = key.revocation(wait_s=WAIT_S if is_waited_for else None)
        began_s = SYSTEM_CLOCK.monotonic_s()
        answered = await self.registry.ask(request)
        _require_done(answered)
        if is_waited_for and b'"enforced":true' not in answered.body:
            raise LoadFailed(f"a revocation was not in force after {WAIT_S} s: {answered.body!r}")
        return answered.at_s - began_s

    def _question(self, key: LiveKey) -> bytes:
        return self.both.asking.request(0, key.secret).encode("latin-1")

    async def _denied(self, question: bytes) -> Answered:
        while (answered := await self.gatekeeper.ask(question)).status == 200:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(ASK_INTERVAL_S)
        if b"subscriber_key_revoked" not in answered.body:
            raise LoadFailed(f"the gatekeeper answered {answered.status} {answered.body!r}")
        return answered


def _require_done(answered: Answered) -> None:
    if answered.status != 200:
        raise LoadFailed(f"the registry answered {answered.status} {answered.body!r}")


@asynccontextmanager
async def open_revoker(both: SideBySide, owners: Owners) -> AsyncIterator[Revoker]:
    """Yield one with open connections, as a busy client has."""
    async with AsyncExitStack() as stack:
        yield Revoker(
            both=both,
            owners=owners,
            onlooker=await stack.enter_async_context(open_onlooker(both.wiring.kafka_of["relay"])),
            registry=await stack.enter_async_context(open_asker(owners.registry_port)),
            gatekeeper=await stack.enter_async_context(open_asker(both.own.port)),
        )
