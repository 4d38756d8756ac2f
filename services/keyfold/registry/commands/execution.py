"""Commands: many at once looked up, decided one after the other in memory, and recorded in one append."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import reduce
from math import ceil
from typing import Final, TypeAlias

from keyfold.domain.ids import EventId, StreamId
from keyfold.domain.lifecycle.fold import Actor, LifecycleEvent, stream_of
from keyfold.domain.refusal import Refusal, RefusalKind
from keyfold.registry.commands.batching import Batching
from keyfold.registry.commands.handler import Command, handle, read_set_of, subject_of
from keyfold.registry.commands.idempotency import IdempotentRequest
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import Answer
from keyfold.runtime.http.preconditions import UNCONDITIONAL, Preconditions, etag_of
from keyfold.runtime.http.rate_limits import LOGIN_SHARE
from keyfold.store.ledger.append import EventDraft, Ledger, Turn
from keyfold.store.ledger.idempotency_records import IdempotencyRecord, Keeper, NewIdempotencyRecord
from keyfold.store.ledger.read_set import ReadSet, ReadSetValues
from keyfold.store.postgres.errors import VersionConflict

ATTEMPTS_MAX = 4
RECORDS_MAX: Final = 50_000
"""How many idempotency records a tenant may have, if nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """A command's events and everything as they leave it, at the time by which it was decided."""

    subject: StreamId
    events: Sequence[LifecycleEvent]
    after: ReadSetValues
    now: datetime


Show: TypeAlias = Callable[[Executed], Answer]
"""Makes the answer to a command that happened."""


class NotDone(Enum):
    """Why a command that the domain would allow did not happen."""

    STALE = "the subject is not the one that the caller knows"
    KEY_REUSED = "its Idempotency-Key came with another request before"
    TOO_MANY_RECORDS = "so many answers are kept for its tenant that this one could not be"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The command happened: the answer, and the position of the ledger from which on it is so."""

    answer: Answer
    position: int


Outcome: TypeAlias = Done | IdempotencyRecord | Refusal | NotDone
"""What came of a command; an IdempotencyRecord where the same request was done before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandMetadata:
    """Who asks for a command, in which request, on which conditions, and whether it may come again.

    `tenant` is whose share of the registry it uses; "" is the registry itself.
    """

    actor: Actor
    request_id: str
    traceparent: str | None = None
    preconditions: Preconditions = UNCONDITIONAL
    idempotent: IdempotentRequest | None = None
    tenant: str = ""


def show_nothing(_executed: Executed) -> Answer:
    """Answer without a body."""
    return Answer()


@dataclass(frozen=True, slots=True)
class _Asked:
    command: Command
    metadata: CommandMetadata
    show: Show

    @property
    def answer_id(self) -> bytes | None:
        return None if self.metadata.idempotent is None else self.metadata.idempotent.id

    @property
    def read_set(self) -> ReadSet:
        looked_at, idempotent = read_set_of(self.command), self.metadata.idempotent
        if idempotent is None:
            return looked_at
        return looked_at.join(
            ReadSet(
                streams=frozenset(),
                answer_ids=frozenset((idempotent.id,)),
                keepers=frozenset((idempotent.keeper,)),
            )
        )


@dataclass(slots=True)
class _Batch:
    """What the commands of a batch come to: each sees what those before it did."""

    seen: ReadSetValues
    now: datetime
    clock: Clock
    records_max: int
    drafts: list[EventDraft] = field(default_factory=list)
    answers: list[NewIdempotencyRecord] = field(default_factory=list)
    kept: Counter[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.kept = Counter(self.seen.kept)

    def run(self, asked: _Asked) -> Outcome:
        """Decide one command and take its events in. Its position is counted from the batch's start."""
        idempotent = asked.metadata.idempotent
        if kept := self._find_kept(asked):
            return kept
        # Without a kept answer it could be done twice, and so could one whose answer made room for it.
        if idempotent is not None and not self._has_room(idempotent.keeper):
            return NotDone.TOO_MANY_RECORDS
        events = _decide(asked, self.seen, self.now)
        if isinstance(events, Refusal | NotDone):
            return events
        after = self.seen.apply(events, asked.metadata.actor)
        subject = subject_of(asked.command)
        answer = asked.show(Executed(subject=subject, events=events, after=after, now=self.now))
        self.seen = after
        self.drafts += [self._draft(event, asked.metadata) for event in events]
        if idempotent is not None:
            self.answers.append(idempotent.seal(answer, events=len(self.drafts), clock=self.clock))
            self.kept.update((idempotent.keeper.tenant, *filter(None, (idempotent.keeper.login,))))
        return Done(answer=answer, position=len(self.drafts))

    def _find_kept(self, asked: _Asked) -> IdempotencyRecord | NotDone | None:
        idempotent = asked.metadata.idempotent
        kept = None if idempotent is None else self.seen.answers.get(idempotent.id)
        if idempotent is None or kept is None:
            return None
        return kept if kept.fingerprint == idempotent.fingerprint else NotDone.KEY_REUSED

    def _has_room(self, keeper: Keeper) -> bool:
        if keeper.login is not None and self.kept[keeper.login] >= ceil(self.records_max * LOGIN_SHARE):
            return False
        return self.kept[keeper.tenant] < self.records_max

    def _draft(self, event: LifecycleEvent, metadata: CommandMetadata) -> EventDraft:
        return EventDraft(
            stream=stream_of(event),
            event_id=EventId(self.clock.new_event_id()),
            event=event,
            actor=metadata.actor,
            request_id=metadata.request_id,
            traceparent=metadata.traceparent,
        )


def _decide(
    asked: _Asked, seen: ReadSetValues, now: datetime
) -> Sequence[LifecycleEvent] | Refusal | NotDone:
    decided = handle(asked.command, seen, now)
    # What does not exist for this caller must not show by its version that it does.
    is_hidden = isinstance(decided, Refusal) and decided.kind is RefusalKind.NOT_FOUND
    etag = etag_of(seen.streams[subject_of(asked.command)].version)
    if not is_hidden and not asked.metadata.preconditions.allow_change(etag):
        return NotDone.STALE
    return decided


class Commands:
    """Runs commands against the ledger; any number of processes may do so at once.

    Those of a tenant that may come again end when `records_max` of its answers are kept, or a batch of each
    process later; those of one of its logins end at three quarters of that.
    """

    def __init__(self, ledger: Ledger, clock: Clock, *, records_max: int = RECORDS_MAX) -> None:
        self._ledger = ledger
        self._clock = clock
        self._records_max = records_max
        self._batching = Batching[_Asked, Outcome](
            self._run_all,
            apart_by=lambda asked: asked.answer_id,
            shared_by=lambda asked: asked.metadata.tenant,
        )

    async def run(self, command: Command, metadata: CommandMetadata, show: Show = show_nothing) -> Outcome:
        """Return what came of the command. Raises DatabaseAway (nothing happened) or CommitUnknown."""
        return await self._batching.submit(_Asked(command, metadata, show))

    async def _run_all(self, batch: Sequence[_Asked]) -> Sequence[Outcome]:
        for _ in range(ATTEMPTS_MAX):
            try:
                return await self._attempt(self._ledger, batch)
            except VersionConflict:
                continue
        # Others were faster each time. To wait for a turn costs them time, but no other can overtake it.
        async with self._ledger.turn() as turn:
            return await self._attempt(turn, batch)

    async def _attempt(self, ledger: Ledger | Turn, batch: Sequence[_Asked]) -> Sequence[Outcome]:
        read_set = reduce(ReadSet.join, (asked.read_set for asked in batch))
        seen = await ledger.look(read_set, self._clock.now())
        now = max(self._clock.now(), seen.recorded_at)
        running = _Batch(seen, now, self._clock, self._records_max)
        outcomes = [running.run(asked) for asked in batch]
        recorded = await ledger.append(running.drafts, seen.expect(), running.now, answers=running.answers)
        start = recorded[0].position - 1 if recorded else seen.head.position
        return [_place(outcome, start) for outcome in outcomes]


def _place(outcome: Outcome, start: int) -> Outcome:
    if isinstance(outcome, Done):
        return Done(answer=outcome.answer, position=start + outcome.position)
    return outcome
