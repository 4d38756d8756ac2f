"""A service's failures, named for what the page must do about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

JsonObject = dict[str, Any]
"""A JSON object that a service answered; its OpenAPI document says which members it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What is wrong with one field of what was sent."""

    pointer: str
    detail: str


class ServiceFailed(Exception):
    """A service did not do what was asked; the page says so."""

    def __init__(self, service: str, message: str) -> None:
        super().__init__(message)
        self.service = service


class Away(ServiceFailed):
    """No service answered, or not in time. Reading can be tried again; a command may have been done."""


class ServiceRefused(ServiceFailed):
    """A service refused: `status`, and its problem (RFC 9457)."""

    def __init__(self, service: str, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(service, f"{status} {problem.get('type')}")
        self.status = status
        self.problem = problem

    @property
    def kind(self) -> str:
        """The last part of the problem's type, such as `not-found`."""
        return str(self.problem.get("type", "")).rpartition(":")[2]

    @property
    def detail(self) -> str:
        """The problem's own sentence."""
        detail = str(self.problem.get("detail") or self.problem.get("title") or "")
        return f"{detail[:1].upper()}{detail[1:].rstrip('.')}."

    @property
    def wrongs(self) -> Sequence[Wrong]:
        """What is wrong with each field, if the problem says so."""
        errors = self.problem.get("errors")
        found = errors if isinstance(errors, list) else []
        return [
            Wrong(pointer=str(each.get("pointer", "")), detail=str(each.get("detail", ""))) for each in found
        ]


class SignedOut(ServiceRefused):
    """The service no longer accepts the token. The person signs in again."""


class NotFound(ServiceRefused):
    """There is no such thing, or it is somebody else's."""


class NotAllowed(ServiceRefused):
    """This person may not do that."""


class NotBound(NotAllowed):
    """The login is not bound to anything, either not yet or no longer."""


class Changed(ServiceRefused):
    """Somebody else has changed it in the meantime (412)."""


class TooMany(ServiceRefused):
    """Too many requests; `retry_after_s` is how many seconds to wait."""

    def __init__(self, service: str, problem: Mapping[str, Any], retry_after_s: int) -> None:
        super().__init__(service, 429, problem)
        self.retry_after_s = retry_after_s
