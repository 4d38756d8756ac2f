"""A command from load to append: fold the streams, decide, record, and again if somebody was faster."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias
from weakref import WeakValueDictionary

from libs.domain.ids import EventId, StreamId
from libs.domain.lifecycle import Actor, LifecycleEvent, RecordedEvent, evolve, stream_of
from libs.domain.refusal import Refusal, RefusalKind
from libs.runtime.clock import Clock
from libs.store.errors import VersionConflict
from libs.store.ledger import Draft, Ledger, Versioned
from services.registry.precondition import Precondition

ATTEMPTS_MAX = 8

Streams: TypeAlias = Mapping[StreamId, Versioned]
Decide: TypeAlias = Callable[[Streams], Sequence[LifecycleEvent] | Refusal]


class NotDone(Enum):
    """Why a command that the domain would allow did not happen."""

    LOST_RACE = "others were faster each time"
    STALE = "the subject is not the one that the caller knows"


Outcome: TypeAlias = Versioned | Refusal | NotDone
"""The subject as a command leaves it, or why nothing happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandMetadata:
    """Who asks for a command, in which request, and on what condition."""

    actor: Actor
    request_id: str
    traceparent: str | None
    precondition: Precondition


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to do: `decide` sees `subject` and `others` folded, and may write to any of them.

    The condition of the request is held against the subject's version.
    """

    subject: StreamId
    others: tuple[StreamId, ...] = ()
    decide: Decide


class Commands:
    """Runs commands against the ledger."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._turns: WeakValueDictionary[StreamId, asyncio.Lock] = WeakValueDictionary()

    async def run(self, command: Command, metadata: CommandMetadata) -> Outcome:
        """Return the subject as the command leaves it, or why nothing happened. Raises DatabaseAway."""
        # Those of this process that want the same subject queue up; only other processes can still be faster.
        async with self._turns.setdefault(command.subject, asyncio.Lock()):
            for _ in range(ATTEMPTS_MAX):
                try:
                    return await self._attempt(command, metadata)
                except VersionConflict:
                    continue
        return NotDone.LOST_RACE

    async def _attempt(self, command: Command, metadata: CommandMetadata) -> Outcome:
        streams = await self._ledger.load_all((command.subject, *command.others))
        decided = command.decide(streams)
        subject = streams[command.subject]
        # What is not there for this caller must not be told apart by its version either.
        hidden = isinstance(decided, Refusal) and decided.kind is RefusalKind.NOT_FOUND
        if not hidden and not metadata.precondition.holds(subject.version):
            return NotDone.STALE
        if isinstance(decided, Refusal):
            return decided
        recorded = await self._ledger.append(
            [self._draft(event, metadata) for event in decided],
            {stream: each.version for stream, each in streams.items()},
            self._clock.now(),
        )
        return _after(subject, [each for each in recorded if each.stream == command.subject])

    def _draft(self, event: LifecycleEvent, metadata: CommandMetadata) -> Draft:
        return Draft(
            stream=stream_of(event),
            event_id=EventId(self._clock.new_event_id()),
            event=event,
            actor=metadata.actor,
            request_id=metadata.request_id,
            traceparent=metadata.traceparent,
        )


def _after(before: Versioned, recorded: Sequence[RecordedEvent]) -> Versioned:
    aggregate, version = before.aggregate, before.version
    for each in recorded:
        aggregate, version = evolve(aggregate, each.event), each.version
    return Versioned(aggregate=aggregate, version=version)
