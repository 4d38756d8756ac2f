"""A refusal: the domain says no, as a value, with the reason that the caller may hear."""

from enum import StrEnum

from msgspec import Struct

REDACTED = "(redacted)"
"""Stands for what was named instead of an id, for it may be a secret."""


class RefusalKind(StrEnum):
    """What sort of no it is; the edge maps each kind to a status in one table."""

    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    INVALID = "invalid"


class Refusal(Struct, frozen=True, kw_only=True, gc=False):
    """Why a command changes nothing. `code` is a stable slug; `detail` is a sentence for the caller."""

    kind: RefusalKind
    code: str
    detail: str


def not_found(what: str) -> Refusal:
    """Refuse because the thing does not exist, or not for this caller."""
    return Refusal(kind=RefusalKind.NOT_FOUND, code="not-found", detail=f"There is no such {what}.")


def conflict(code: str, detail: str) -> Refusal:
    """Refuse because the thing's present state does not allow it."""
    return Refusal(kind=RefusalKind.CONFLICT, code=code, detail=detail)


def invalid(code: str, detail: str) -> Refusal:
    """Refuse because what was asked for can never be done."""
    return Refusal(kind=RefusalKind.INVALID, code=code, detail=detail)


class ImpossibleEvent(Exception):
    """A history holds an event that its state does not allow: the ledger is another, or the code is wrong."""

    def __init__(self, event: object, state: object) -> None:
        super().__init__(f"{type(event).__name__} cannot follow {type(state).__name__}")
