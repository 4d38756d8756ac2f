"""Commands over HTTP: from a request to a command's metadata, and from its outcome to an answer."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol, TypeVar

import structlog
from pydantic import BaseModel

from keyfold.domain.lifecycle.aggregates import AggregateKind
from keyfold.domain.lifecycle.fold import Actor, Aggregate
from keyfold.domain.refusal import Refusal
from keyfold.registry.commands import idempotency, preference
from keyfold.registry.commands.answers import add_members
from keyfold.registry.commands.execution import (
    CommandMetadata,
    Commands,
    Done,
    Executed,
    NotDone,
    Outcome,
    Show,
)
from keyfold.registry.commands.handler import Command
from keyfold.registry.commands.idempotency import CannotOpen, Idempotency, IdempotentRequest
from keyfold.registry.commands.problems import ANSWER_SEALED, problem_of
from keyfold.runtime.failure import TryLater
from keyfold.runtime.http import Answer, Problem, Reply, Request
from keyfold.runtime.http.preconditions import etag_of, read_preconditions
from keyfold.store.ledger.idempotency_records import IdempotencyRecord
from keyfold.store.read_model.reader import ReadModel

A = TypeVar("A", bound=Aggregate)
B = TypeVar("B", bound=BaseModel | None)

NO_ROLE: Final = "login"
"""The role of an actor whose login speaks for nobody yet."""

log = structlog.get_logger(__name__)


class Enforces(Protocol):
    """Waits until every gatekeeper has applied a position of the ledger."""

    async def wait_for(self, position: int, timeout_s: float) -> bool:
        """Return True as soon as all have, or False if time is up first."""
        ...


class CommandsOverHttp:
    """Runs the command that a request stands for, and answers it as its headers ask."""

    def __init__(
        self, commands: Commands, idempotency: Idempotency, model: ReadModel, enforcement: Enforces
    ) -> None:
        self._commands = commands
        self._idempotency = idempotency
        self._model = model
        self._enforcement = enforcement

    async def respond(self, request: Request[B, None], command: Command, show: Show) -> Reply:
        """Run the command and answer with what `show` makes of it, or with the problem that prevented it."""
        idempotent = self._idempotency.read(request)
        outcome = await self._commands.run(command, _read_metadata(request, idempotent), show)
        done = _read_outcome(outcome, idempotent)
        if isinstance(done, Problem):
            return done
        wait_s = preference.read_wait_s(request.headers.getall(preference.HEADER, []))
        return done.answer if wait_s is None else await self._wait(done, wait_s)

    async def _wait(self, done: Done, wait_s: int) -> Answer:
        answer = add_members(done.answer, enforced=await self._is_enforced(done.position, wait_s))
        return replace(answer, headers={**answer.headers, preference.APPLIED: f"wait={wait_s}"})

    async def _is_enforced(self, position: int, wait_s: int) -> bool:
        try:
            return all(
                await asyncio.gather(
                    self._model.caught_up(position, wait_s), self._enforcement.wait_for(position, wait_s)
                )
            )
        except TryLater as away:
            # The command has happened: that it cannot be confirmed must not look as if it had not.
            log.warning("enforcement_unknown", position=position, reason=str(away))
            return False


def _read_metadata(request: Request[B, None], idempotent: IdempotentRequest | None) -> CommandMetadata:
    caller = request.caller
    return CommandMetadata(
        actor=Actor(role=NO_ROLE if caller.role is None else caller.role.value, subject=caller.sub),
        request_id=request.request_id,
        traceparent=request.traceparent,
        preconditions=read_preconditions(request.headers),
        idempotent=idempotent,
        tenant=caller.tenant,
    )


def _read_outcome(outcome: Outcome, idempotent: IdempotentRequest | None) -> Done | Problem:
    match outcome:
        case Done():
            return outcome
        case IdempotencyRecord() if idempotent is not None:
            return _replay(outcome, idempotent)
        case Refusal() | NotDone():
            return problem_of(outcome)
    raise AssertionError(outcome)


def _replay(kept: IdempotencyRecord, idempotent: IdempotentRequest) -> Done | Problem:
    try:
        answer = idempotent.open(kept)
    except CannotOpen:
        return ANSWER_SEALED
    headers = {**answer.headers, idempotency.REPLAYED: "true"}
    return Done(answer=replace(answer, headers=headers), position=kept.position)


def show_subject(
    kind: AggregateKind[A], to_body: Callable[[A, int, datetime], BaseModel], *, location: str | None = None
) -> Show:
    """Return a function that answers with a command's subject.

    `to_body` takes the subject, its version and the present time; `location` is where the command has put it.
    """

    def show(executed: Executed) -> Answer:
        stored = executed.after.streams[executed.subject]
        aggregate = kind.narrow(stored.aggregate)
        if aggregate is None:
            raise LookupError(f"a command on {executed.subject} was done and has left nothing to show there")
        body = to_body(aggregate, stored.version, executed.now)
        return answer_with_etag(body, stored.version, location=location)

    return show


def answer_with_etag(body: BaseModel, version: int, *, location: str | None = None) -> Answer:
    """Answer with a body, and with the version of the resource that is in it as ETag."""
    headers = {"ETag": etag_of(version), "Location": location}
    return Answer(body=body, headers={name: value for name, value in headers.items() if value is not None})
