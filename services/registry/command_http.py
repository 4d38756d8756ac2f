"""Commands over HTTP: from a request to a command's metadata, and from its outcome to an answer."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from libs.domain.lifecycle import Actor, Aggregate
from libs.runtime.http import NOT_FOUND, Answer, Reply, Request
from libs.store.ledger import Versioned
from services.registry.commands import CommandMetadata, Outcome
from services.registry.kinds import Kind, held
from services.registry.precondition import etag, read_precondition
from services.registry.problems import problem_of

A = TypeVar("A", bound=Aggregate)
B = TypeVar("B", bound=BaseModel | None)


def metadata_of(request: Request[B, None]) -> CommandMetadata:
    """Return who asks for a command, in which request, and on what condition."""
    caller = request.caller
    return CommandMetadata(
        actor=Actor(role=caller.role.value, subject=caller.sub),
        request_id=request.request_id,
        traceparent=request.traceparent,
        precondition=read_precondition(request.headers.getall("If-Match", [])),
    )


def answer_of(outcome: Outcome, kind: Kind[A], show: Callable[[A, int], BaseModel]) -> Reply:
    """Answer with the subject as the command leaves it, or with the problem that nothing was done."""
    if not isinstance(outcome, Versioned):
        return problem_of(outcome)
    subject = held(outcome.aggregate, kind)
    if subject is None:
        return NOT_FOUND
    return with_etag(show(subject, outcome.version), outcome.version)


def with_etag(body: BaseModel, version: int) -> Answer:
    """Answer with a resource, or with what holds it, and its version as ETag."""
    return Answer(body=body, headers={"ETag": etag(version)})
