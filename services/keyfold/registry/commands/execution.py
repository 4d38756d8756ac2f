"""Commands: many at once looked up, decided one after the other in memory, and recorded in one append."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import reduce
from typing import TypeAlias

from keyfold.domain.ids import AccountId, EventId, StreamId
from keyfold.domain.lifecycle.fold import Actor, LifecycleEvent, stream_of
from keyfold.domain.refusal import Refusal, RefusalKind
from keyfold.registry.commands.answer_text import as_bytes
from keyfold.registry.commands.batching import Batching
from keyfold.registry.commands.idempotency import IdempotentRequest
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import Answer
from keyfold.runtime.http.preconditions import UNCONDITIONAL, Preconditions, etag_of
from keyfold.store.ledger.append import EventDraft, Ledger, Turn
from keyfold.store.ledger.idempotency_records import IdempotencyRecord, NewIdempotencyRecord
from keyfold.store.ledger.read_set import ReadSet, ReadSetValues
from keyfold.store.postgres.errors import VersionConflict

ATTEMPTS_MAX = 4

Decide: TypeAlias = Callable[[ReadSetValues, datetime], Sequence[LifecycleEvent] | Refusal]
"""Takes what was looked at and the present time, which is never before that of the ledger's last event."""
Show: TypeAlias = Callable[[ReadSetValues, datetime], Answer]
"""Takes everything as the command leaves it, and the same time."""


class NotDone(Enum):
    """Why a command that the domain would allow did not happen."""

    STALE = "the subject is not the one that the caller knows"
    KEY_REUSED = "its Idempotency-Key came with another request before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The command happened: what to tell the caller, and the ledger's position from which on it is so."""

    answer: Answer
    position: int


Outcome: TypeAlias = Done | IdempotencyRecord | Refusal | NotDone
"""What came of a command; a KeptAnswer where the same request was done before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandMetadata:
    """Who asks for a command, in which request, on which conditions, and whether it may come again."""

    actor: Actor
    request_id: str
    traceparent: str | None = None
    preconditions: Preconditions = UNCONDITIONAL
    idempotent: IdempotentRequest | None = None


def _nothing_to_show(_after: ReadSetValues, _now: datetime) -> Answer:
    return Answer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to do: `decide` sees what is named here, and may write to any stream of it.

    The conditions of the request are held against the subject's version. `account` lets it see which keys of
    an account are live, `is_whole_account` also each of these keys; `applicant` what somebody applied for.
    """

    subject: StreamId
    others: tuple[StreamId, ...] = ()
    account: AccountId | None = None
    is_whole_account: bool = False
    applicant: str | None = None
    decide: Decide
    show: Show = _nothing_to_show


@dataclass(frozen=True, slots=True)
class _Asked:
    command: Command
    metadata: CommandMetadata

    @property
    def answer_id(self) -> bytes | None:
        return None if self.metadata.idempotent is None else self.metadata.idempotent.id

    @property
    def wanted(self) -> ReadSet:
        command = self.command
        accounts = frozenset[AccountId]() if command.account is None else frozenset((command.account,))
        return ReadSet(
            streams=frozenset((command.subject, *command.others)),
            accounts=accounts,
            whole_accounts=accounts if command.is_whole_account else frozenset(),
            applicants=frozenset[str]() if command.applicant is None else frozenset((command.applicant,)),
            answer_ids=frozenset[bytes]() if self.answer_id is None else frozenset((self.answer_id,)),
        )


@dataclass(slots=True)
class _Batch:
    """What the commands of a batch come to: each sees what those before it did."""

    loaded: ReadSetValues
    now: datetime
    clock: Clock
    drafts: list[EventDraft] = field(default_factory=list)
    answers: list[NewIdempotencyRecord] = field(default_factory=list)

    def outcome_of(self, asked: _Asked) -> Outcome:
        """Decide one command and take its events in. A position is counted from the batch's start."""
        if kept := self._kept(asked):
            return kept
        decided = _decided(asked, self.loaded, self.now)
        if isinstance(decided, Refusal | NotDone):
            return decided
        after = self.loaded.after(decided)
        answer = as_bytes(asked.command.show(after, self.now))
        self.loaded = after
        self.drafts += [self._draft(event, asked.metadata) for event in decided]
        if idempotent := asked.metadata.idempotent:
            self.answers.append(idempotent.new_answer(answer, events=len(self.drafts), clock=self.clock))
        return Done(answer=answer, position=len(self.drafts))

    def _kept(self, asked: _Asked) -> IdempotencyRecord | NotDone | None:
        idempotent = asked.metadata.idempotent
        kept = None if idempotent is None else self.loaded.answers.get(idempotent.id)
        if idempotent is None or kept is None:
            return None
        return kept if kept.fingerprint == idempotent.fingerprint else NotDone.KEY_REUSED

    def _draft(self, event: LifecycleEvent, metadata: CommandMetadata) -> EventDraft:
        return EventDraft(
            stream=stream_of(event),
            event_id=EventId(self.clock.new_event_id()),
            event=event,
            actor=metadata.actor,
            request_id=metadata.request_id,
            traceparent=metadata.traceparent,
        )


def _decided(
    asked: _Asked, loaded: ReadSetValues, now: datetime
) -> Sequence[LifecycleEvent] | Refusal | NotDone:
    decided = asked.command.decide(loaded, now)
    # What is not there for this caller must not be told apart by its version either.
    hidden = isinstance(decided, Refusal) and decided.kind is RefusalKind.NOT_FOUND
    etag = etag_of(loaded.streams[asked.command.subject].version)
    if not hidden and not asked.metadata.preconditions.allow_change(etag):
        return NotDone.STALE
    return decided


class Commands:
    """Runs commands against the ledger; any number of processes may do so at once."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._batching = Batching[_Asked, Outcome](self._run_all, apart_by=lambda asked: asked.answer_id)

    async def run(self, command: Command, metadata: CommandMetadata) -> Outcome:
        """Return what came of the command. Raises DatabaseAway (nothing happened) or CommitUnknown."""
        return await self._batching.done(_Asked(command, metadata))

    async def _run_all(self, batch: Sequence[_Asked]) -> Sequence[Outcome]:
        for _ in range(ATTEMPTS_MAX):
            try:
                return await self._attempt(self._ledger, batch)
            except VersionConflict:
                continue
        # Others were faster each time. It costs them to wait, so this comes last, but it cannot be lost.
        async with self._ledger.turn() as turn:
            return await self._attempt(turn, batch)

    async def _attempt(self, ledger: Ledger | Turn, batch: Sequence[_Asked]) -> Sequence[Outcome]:
        wanted = reduce(ReadSet.and_also, (asked.wanted for asked in batch))
        loaded = await ledger.look(wanted, self._clock.now())
        decided = _Batch(loaded, max(self._clock.now(), loaded.recorded_at), self._clock)
        outcomes = [decided.outcome_of(asked) for asked in batch]
        recorded = await ledger.append(
            decided.drafts, loaded.expected(), decided.now, answers=decided.answers
        )
        start = recorded[0].position - 1 if recorded else loaded.head.position
        return [_from(start, outcome) for outcome in outcomes]


def _from(start: int, outcome: Outcome) -> Outcome:
    if isinstance(outcome, Done):
        return Done(answer=outcome.answer, position=start + outcome.position)
    return outcome
