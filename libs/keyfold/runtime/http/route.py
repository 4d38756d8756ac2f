"""Routes as values: what is called, who may call, what is read and what is answered."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar, get_args

import orjson
from aiohttp import web
from multidict import CIMultiDictProxy
from pydantic import BaseModel, RootModel

from keyfold.runtime.auth.caller import Caller
from keyfold.runtime.http.models import rfc3339
from keyfold.runtime.http.problem import Problem
from keyfold.runtime.http.rules import OwnCredential, Rule, path_parameters
from keyfold.runtime.http.streaming import Streamed

PARAMETER: Final = re.compile(r"{(\w+)(:[^}]*)?}")
COMMANDS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
BODY_BYTES_MAX: Final = 64 * 1024

B = TypeVar("B", bound=BaseModel | None)
Q = TypeVar("Q", bound=BaseModel | None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[B, Q]):
    """A request that passed its route's rule, with its body and query read.

    ``traceparent`` is the W3C header, None if missing or invalid; ``raw`` is for streaming only.
    """

    identity: Caller | None
    path: Mapping[str, str]
    body: B
    query: Q
    headers: CIMultiDictProxy[str]
    request_id: str
    traceparent: str | None
    raw: web.Request

    @property
    def caller(self) -> Caller:
        """Who calls. Raises LookupError on a route that lets in callers without a token."""
        if self.identity is None:
            raise LookupError("this route's rule lets in callers without a token")
        return self.identity


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHeader:
    """A header that a route's handler reads, described by a JSON Schema.

    ``adds`` are the members that it may add to the answer's JSON, each with its schema.
    """

    name: str
    description: str
    schema: Mapping[str, object]
    adds: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The form of a route's body, and the most bytes that are read of it.

    ``apart`` names an array whose items the handler reads one by one: it gets each as the bytes of its JSON.
    """

    media_type: str = "application/json"
    bytes_max: int = BODY_BYTES_MAX
    apart: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a handler answers; a ``status`` of None means the route's.

    A body of bytes is sent unchanged, as ``content_type``; any other as JSON.
    """

    body: BaseModel | Mapping[str, object] | bytes | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def encode(self) -> bytes | None:
        """Return the body as the bytes that are sent."""
        match self.body:
            case None | bytes():
                return self.body
            case BaseModel():
                return self.body.model_dump_json().encode()
            case _:
                return orjson.dumps(self.body, default=_to_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _to_plain(value: object) -> object:
    match value:
        case datetime():
            return rfc3339(value)
        case BaseModel():
            return value.model_dump(mode="json")
        case frozenset() | set():
            return sorted(value)
        case Mapping():
            return dict(value)
        case _:
            raise TypeError(f"no JSON form for {type(value).__name__}")


Reply: TypeAlias = Answer | Problem | Streamed | web.StreamResponse
"""A handler's outcome; a ``StreamResponse`` has been prepared and written by the handler itself."""


class UndeclaredRoute(Exception):
    """The route table must be corrected before the service can start; the message says what it lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[B, Q]):
    """One row of a service's route table.

    ``method`` may be ``*`` for any. ``path`` has aiohttp's form, ``/v1/keys/{key_id}``. ``refusals`` are the
    statuses of refusals by the handler, beyond those that follow from the rest. ``also_answers`` has the
    models of other statuses that are no refusals, None for one without a body. ``headers`` are those that the
    handler reads. ``media_types`` are those of an answer that is not JSON. ``quiet`` logs requests at debug,
    for probes. ``only_asks`` marks a call that changes nothing although its method could: it does not count
    as a caller's command.
    """

    method: str
    path: str
    handler: Callable[[Request[B, Q]], Awaitable[Reply]]
    rule: Rule
    summary: str
    body: type[B] | None = None
    body_kind: Body = Body()
    query: type[Q] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    refusals: tuple[int, ...] = ()
    also_answers: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)
    headers: tuple[RequestHeader, ...] = ()
    media_types: tuple[str, ...] = ()
    endless: bool = False
    quiet: bool = False
    only_asks: bool = False

    def __post_init__(self) -> None:
        """Raise UndeclaredRoute for a row that leaves open who may call or what may be sent."""
        if not isinstance(self.rule, get_args(Rule)):
            raise UndeclaredRoute(f"{self.method} {self.path} declares no access rule")
        for name in path_parameters(self.rule):
            if f"{{{name}}}" not in self.path:
                raise UndeclaredRoute(f"{self.method} {self.path}: its rule needs {{{name}}} in the path")
        for model in (self.body, self.query):
            if _is_open(model):
                raise UndeclaredRoute(f"{self.method} {self.path}: {model} takes unknown fields")

    @property
    def refuses_body(self) -> bool:
        """Whether a body is a mistake; not so for a gateway, whose copy of a request may keep its body."""
        return self.method in COMMANDS and self.body is None and not isinstance(self.rule, OwnCredential)

    @property
    def is_command(self) -> bool:
        """Whether a call counts as a command, which changes something."""
        return self.method in COMMANDS and not self.only_asks

    @property
    def path_parameters(self) -> tuple[str, ...]:
        """The names in the path's braces."""
        return tuple(name for name, _pattern in PARAMETER.findall(self.path))

    @property
    def operation_id(self) -> str:
        """The handler's own name, unique in a table."""
        return getattr(self.handler, "__name__", type(self.handler).__name__)


def _is_open(model: object) -> bool:
    # A root model has no fields of its own; the models inside it have their own configuration.
    if not (isinstance(model, type) and issubclass(model, BaseModel)) or issubclass(model, RootModel):
        return False
    return model.model_config.get("extra") != "forbid"


# A table's rows differ in their body and query types, and a Callable cannot be widened over them.
AnyRoute: TypeAlias = Route[Any, Any]
