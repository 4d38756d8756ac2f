"""Timekeeping: what time alone brings about is recorded, once, by whichever registry leads.

No decision waits for it: a secret whose overlap is over and a key that has expired stop by the clock. This
writes into the history that they did, and reminds people before.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from keyfold.domain.ids import account_stream, key_stream, vendor_stream
from keyfold.domain.lifecycle import subscriber_key_commands, vendor_commands, vendor_key_commands
from keyfold.domain.lifecycle.deadlines import PassTime
from keyfold.domain.lifecycle.fold import Actor, LifecycleEvent
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_key import VendorKey
from keyfold.domain.refusal import Refusal
from keyfold.registry.commands.execution import Command, CommandMetadata, Commands, Done
from keyfold.registry.commands.kinds import ACCOUNT, SUBSCRIBER_KEY, VENDOR, VENDOR_KEY, held
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater
from keyfold.store.ledger.read_set import ReadSetValues
from keyfold.store.read_model.reader import ReadModel

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
        """Look again and again, also after a time without PostgreSQL or read model; never return."""
        while True:
            try:
                while await self.record_due() == _AT_ONCE_MAX:
                    pass
            except TryLater as away:
                log.warning("timekeeping_waits", reason=str(away))
            await asyncio.sleep(self._interval_s)

    async def record_due(self) -> int:
        """Record what is due, the longest due first, and return how many things it was looked for in.

        Returns once the read model shows what was recorded. Raises DatabaseAway, CommitUnknown and
        ReadModelAbsent; whatever did happen by then is not done again.
        """
        now = self._clock.now()
        due = [stored.aggregate for stored in await self._model.due_keys(now, _AT_ONCE_MAX)]
        vendors = await self._model.due_vendors(now, _AT_ONCE_MAX)
        commands = [pass_time(each) for each in (*due, *(stored.aggregate for stored in vendors))]
        outcomes = await asyncio.gather(*(self._commands.run(each, self._metadata()) for each in commands))
        positions = [outcome.position for outcome in outcomes if isinstance(outcome, Done)]
        await self._model.caught_up(max(positions, default=0), _CATCH_UP_TIMEOUT_S)
        if positions:
            log.info("time_passed", commands=len(positions), position=max(positions))
        return max(len(due), len(vendors))

    def _metadata(self) -> CommandMetadata:
        return CommandMetadata(actor=ACTOR, request_id=self._clock.new_event_id())


def pass_time(aggregate: SubscriberKey | VendorKey | Vendor) -> Command:
    """Return the command that records what has fallen due for a key or a vendor."""
    match aggregate:
        case Vendor(vendor_id=vendor_id):
            stream = vendor_stream(vendor_id)

            def decided(loaded: ReadSetValues, now: datetime) -> Sequence[LifecycleEvent] | Refusal:
                vendor = held(loaded.streams[stream].aggregate, VENDOR)
                return vendor_commands.decide(PassTime(at=now), vendor)

            return Command(subject=stream, decide=decided)
        case ActiveSubscriberKey() | RevokedSubscriberKey():
            return _subscriber_key_command(aggregate)
        case _:
            return _vendor_key_command(aggregate)


def _subscriber_key_command(key: SubscriberKey) -> Command:
    key_at, account_at = key_stream(key.key_id), account_stream(key.account_id)

    def decided(loaded: ReadSetValues, now: datetime) -> Sequence[LifecycleEvent] | Refusal:
        current = held(loaded.streams[key_at].aggregate, SUBSCRIBER_KEY)
        account = held(loaded.streams[account_at].aggregate, ACCOUNT)
        return subscriber_key_commands.decide(PassTime(at=now), current, account)

    return Command(subject=key_at, others=(account_at,), decide=decided)


def _vendor_key_command(key: VendorKey) -> Command:
    key_at, vendor_at = key_stream(key.key_id), vendor_stream(key.vendor_id)

    def decided(loaded: ReadSetValues, now: datetime) -> Sequence[LifecycleEvent] | Refusal:
        current = held(loaded.streams[key_at].aggregate, VENDOR_KEY)
        vendor = held(loaded.streams[vendor_at].aggregate, VENDOR)
        return vendor_key_commands.decide(PassTime(at=now), current, vendor)

    return Command(subject=key_at, others=(vendor_at,), decide=decided)
