"""Timekeeping: what time alone brings about is recorded, once, by whichever registry leads.

No decision waits for it: a secret whose overlap is over and a key that has expired stop by the clock. The
timekeeper records that they did, and reminds people before.
"""

import asyncio
from typing import Final

import structlog

from keyfold.domain.lifecycle.fold import Actor
from keyfold.domain.lifecycle.subscriber_key_commands import PassSubscriberKeyTime
from keyfold.domain.lifecycle.vendor_commands import PassVendorTime
from keyfold.domain.lifecycle.vendor_key_commands import PassVendorKeyTime
from keyfold.registry.commands.execution import CommandMetadata, Commands, Done, Outcome
from keyfold.registry.commands.handler import Command
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater
from keyfold.store.read_model.reader import DueKey, ReadModel

ACTOR: Final = Actor(role="keyfold", subject="timekeeper")
INTERVAL_S: Final = 5.0
_AT_ONCE_MAX: Final = 500
_CATCH_UP_TIMEOUT_S: Final = 10.0

log = structlog.get_logger(__name__)


class Timekeeper:
    """Records what has fallen due. Only a leader may run this, though two would record nothing twice."""

    def __init__(
        self, model: ReadModel, commands: Commands, clock: Clock, *, interval_s: float = INTERVAL_S
    ) -> None:
        self._model = model
        self._commands = commands
        self._clock = clock
        self._interval_s = interval_s

    async def run(self) -> None:
        """Look again and again, also after a time without PostgreSQL or a read model; never return."""
        while True:
            try:
                while await self.record_due() == _AT_ONCE_MAX:
                    pass
            except TryLater as away:
                log.warning("timekeeping_waits", reason=str(away))
            await asyncio.sleep(self._interval_s)

    async def record_due(self) -> int:
        """Record what is due, the longest due first, and return in how many keys or vendors something was.

        Returns once the read model shows what was recorded. Raises DatabaseAway, CommitUnknown and
        ReadModelAbsent; whatever was recorded by then is not recorded again.
        """
        now = self._clock.now()
        due = await self._model.due_keys(now, _AT_ONCE_MAX)
        vendors = await self._model.due_vendors(now, _AT_ONCE_MAX)
        commands: list[Command] = [
            *map(_pass_key_time, due),
            *(PassVendorTime(vendor_id=vendor_id) for vendor_id in vendors),
        ]
        outcomes = await asyncio.gather(*(self._run(each) for each in commands))
        positions = [outcome.position for outcome in outcomes if isinstance(outcome, Done)]
        await self._model.caught_up(max(positions, default=0), _CATCH_UP_TIMEOUT_S)
        if positions:
            log.info("time_passed", commands=len(positions), position=max(positions))
        return max(len(due), len(vendors))

    async def _run(self, command: Command) -> Outcome:
        metadata = CommandMetadata(actor=ACTOR, request_id=self._clock.new_event_id())
        return await self._commands.run(command, metadata)


def _pass_key_time(due: DueKey) -> Command:
    """Return the command that records what has fallen due for a key."""
    if due.vendor_id is not None:
        return PassVendorKeyTime(vendor_id=due.vendor_id, key_id=due.key_id)
    return PassSubscriberKeyTime(account_id=due.account_id, key_id=due.key_id)
