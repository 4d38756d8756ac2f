"""History over HTTP: who did what to an account, a key or a vendor, when, and each field before and after."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Final, Protocol

from pydantic import AfterValidator, Field

from keyfold.domain.ids import AccountId, KeyId, VendorId, vendor_stream
from keyfold.domain.lifecycle.aggregates import VENDOR
from keyfold.domain.lifecycle.fold import Actor
from keyfold.domain.lifecycle.history import Value, describe
from keyfold.registry.commands.http import NO_ROLE
from keyfold.registry.reads import ListCursor, Reads, is_applicant, is_hidden, read_before
from keyfold.runtime.auth.caller import Caller, Role
from keyfold.runtime.http import (
    NOT_FOUND,
    Answer,
    AnyOf,
    AnyRoute,
    Applicant,
    Instant,
    JsonBody,
    OwnAccount,
    PageQuery,
    Reply,
    Request,
    Route,
    VendorItself,
    cut,
    encode_cursor,
    page,
    rfc3339,
)
from keyfold.store.ledger.history import Happened, History
from keyfold.wire.events.codec import TYPE_NAMES

_REVIEWER: Final = frozenset({Role.REVIEWER})
_SEEN_BY_VENDOR: Final = frozenset({Role.VENDOR.value, NO_ROLE})
_PREFIX: Final = "keyfold."
_TYPES: Final = frozenset(TYPE_NAMES.values())
_TYPES_CHARACTERS_MAX: Final = 4000


def _check_types(text: str) -> str:
    for place, name in enumerate(text.split(","), 1):
        if _add_prefix(name) not in _TYPES:
            raise ValueError(f"number {place} is no event type, such as account.integrations_enabled is one")
    return text


def _add_prefix(name: str) -> str:
    return _PREFIX + name.removeprefix(_PREFIX)


EventTypes = Annotated[
    str,
    Field(
        max_length=_TYPES_CHARACTERS_MAX,
        json_schema_extra={
            "format": "event-types",
            "description": "types of events with commas between them, each with or without its `keyfold.`",
        },
    ),
    AfterValidator(_check_types),
]


class HistoryQuery(PageQuery):
    """A page of what happened, of all of it or of what is of these types."""

    type: EventTypes | None = None

    @property
    def types(self) -> Sequence[str] | None:
        """Return the types by the names that they have in the ledger, None for all."""
        return None if self.type is None else [_add_prefix(name) for name in self.type.split(",")]


class FieldChange(JsonBody):
    """One field, such as `permissions.clinical`, before and after; null where it had or has no value."""

    field: str
    before: str | bool | list[str] | None
    after: str | bool | list[str] | None


class HistoryActor(JsonBody):
    """Who did it; a vendor is not told which reviewer."""

    role: str
    subject: str | None


class HistoryItem(JsonBody):
    """One event: what it did in a sentence, who asked for it in which request, and what it changed."""

    position: int
    event_id: str
    at: Instant
    type: str
    summary: str
    reason: str | None = Field(description="why, where whoever did it had to say so")
    account_id: str | None
    vendor_id: str | None
    key_id: str | None
    actor: HistoryActor
    request_id: str
    changes: list[FieldChange]


class HistoryPage(JsonBody):
    """What happened, newest first."""

    items: list[HistoryItem]
    next_cursor: str | None


class Find(Protocol):
    """Finds what happened to one thing, below a position."""

    async def __call__(
        self, before: int | None, limit: int, *, types: Sequence[str] | None = None
    ) -> Sequence[Happened]:
        """Return so many events at most, newest first."""
        ...


class Histories:
    """The calls about history."""

    def __init__(self, history: History, reads: Reads) -> None:
        self._history = history
        self._reads = reads

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="GET",
                path="/v1/accounts/{account_id}/history",
                handler=self.account_history,
                rule=OwnAccount(),
                summary="What happened to the account and its keys, newest first.",
                query=HistoryQuery,
                answer=HistoryPage,
            ),
            Route(
                method="GET",
                path="/v1/accounts/{account_id}/keys/{key_id}/history",
                handler=self.key_history,
                rule=OwnAccount(),
                summary="What happened to a key, newest first.",
                query=HistoryQuery,
                answer=HistoryPage,
            ),
            Route(
                method="GET",
                path="/v1/vendors/{vendor_id}/history",
                handler=self.vendor_history,
                rule=AnyOf((VendorItself(also=_REVIEWER), Applicant())),
                summary="What happened to the vendor and its keys, newest first.",
                query=HistoryQuery,
                answer=HistoryPage,
            ),
        ]

    async def account_history(self, request: Request[None, HistoryQuery]) -> Reply:
        """Show a page of what happened to an account and its keys."""
        return await self._page(request, partial(self._history.of_account, _account_id_of(request)))

    async def key_history(self, request: Request[None, HistoryQuery]) -> Reply:
        """Show a page of what happened to a key."""
        key_id = KeyId(request.path["key_id"])
        return await self._page(request, partial(self._history.of_key, _account_id_of(request), key_id))

    async def vendor_history(self, request: Request[None, HistoryQuery]) -> Reply:
        """Show a page of what happened to a vendor and its keys."""
        vendor_id = VendorId(request.path["vendor_id"])
        if is_applicant(request.caller):
            found = await self._reads.find(VENDOR, vendor_stream(vendor_id))
            if is_hidden(None if found is None else found.aggregate, request.caller):
                return NOT_FOUND
        return await self._page(request, partial(self._history.of_vendor, vendor_id))

    async def _page(self, request: Request[None, HistoryQuery], find: Find) -> Reply:
        query = request.query
        found = await find(read_before(query), query.rows_max, types=query.types)
        # Whatever exists has a history, though perhaps nothing of these types in it.
        if not found and query.cursor is None and not (query.types and await find(None, 1)):
            return NOT_FOUND
        listed, next_cursor = cut(found, query, lambda last: encode_cursor(ListCursor(before=last.position)))
        return Answer(body=page([_make_item(each, request.caller) for each in listed], next_cursor))


def _account_id_of(request: Request[None, HistoryQuery]) -> AccountId:
    return AccountId(request.path["account_id"])


def _make_item(happened: Happened, caller: Caller) -> HistoryItem:
    entry = describe(happened.before, happened.event, happened.after)
    return HistoryItem(
        position=happened.position,
        event_id=happened.event_id,
        at=happened.recorded_at,
        type=happened.type,
        summary=entry.summary,
        reason=entry.reason,
        account_id=getattr(happened.event, "account_id", None),
        vendor_id=getattr(happened.event, "vendor_id", None),
        key_id=getattr(happened.event, "key_id", None),
        actor=_show_actor(happened.actor, caller),
        request_id=happened.request_id,
        changes=[
            FieldChange(field=each.field, before=_to_json(each.before), after=_to_json(each.after))
            for each in entry.changes
        ],
    )


def _show_actor(actor: Actor, caller: Caller) -> HistoryActor:
    is_hidden = caller.role is Role.VENDOR and actor.role not in _SEEN_BY_VENDOR
    return HistoryActor(role=actor.role, subject=None if is_hidden else actor.subject)


def _to_json(value: Value) -> str | bool | list[str] | None:
    if isinstance(value, datetime):
        return rfc3339(value)
    return list(value) if isinstance(value, tuple) else value
