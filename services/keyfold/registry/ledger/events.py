"""The ledger over HTTP, for operators: every event in order, as it was hashed."""

import orjson
from pydantic import Field

from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import (
    Answer,
    AnyRoute,
    GivenInt,
    Instant,
    JsonBody,
    LimitQuery,
    Reply,
    Request,
    Roles,
    Route,
    cut,
    page,
)
from keyfold.store.ledger.reading import LedgerReader
from keyfold.wire.events.chain import ChainedRow


class LedgerQuery(LimitQuery):
    """From where on, and how many: `next_cursor` is the `after` of the next page."""

    after: GivenInt = Field(0, ge=0, lt=2**63)


class EventActor(JsonBody):
    """Who did it."""

    role: str
    subject: str


class LedgerEvent(JsonBody):
    """An event as the ledger holds it; `hash` covers it and the one before, `seal` all up to here.

    Both are hexadecimal. Only the last event of what was recorded together has a seal.
    """

    position: int
    stream: str
    version: int
    event_id: str
    type: str
    schema_version: int
    data: dict[str, object]
    actor: EventActor
    request_id: str
    recorded_at: Instant
    traceparent: str | None
    hash: str
    seal: str | None


class LedgerPage(JsonBody):
    """Events in the order in which they happened."""

    items: list[LedgerEvent]
    next_cursor: str | None


class LedgerEvents:
    """The call about the ledger."""

    def __init__(self, ledger: LedgerReader) -> None:
        self._ledger = ledger

    def routes(self) -> list[AnyRoute]:
        """Return the row of the route table."""
        return [
            Route(
                method="GET",
                path="/v1/ledger",
                handler=self.list_events,
                rule=Roles(frozenset({Role.OPERATOR})),
                summary="Every event in order, with its hash.",
                query=LedgerQuery,
                answer=LedgerPage,
            )
        ]

    async def list_events(self, request: Request[None, LedgerQuery]) -> Reply:
        """Show a page of events."""
        query = request.query
        rows = await self._ledger.rows_after(query.after, query.rows_max)
        listed, next_cursor = cut(rows, query, lambda last: str(last.row.position))
        return Answer(body=page([_describe(link) for link in listed], next_cursor))


def _describe(link: ChainedRow) -> dict[str, object]:
    row = link.row
    return {
        "position": row.position,
        "stream": row.stream,
        "version": row.version,
        "event_id": row.event_id,
        "type": row.type,
        "schema_version": row.schema_version,
        "data": orjson.Fragment(row.data),  # byte for byte what the hash covers
        "actor": {"role": row.actor_role, "subject": row.actor_subject},
        "request_id": row.request_id,
        "recorded_at": row.recorded_at,
        "traceparent": row.traceparent,
        "hash": link.hash.hex(),
        "seal": None if link.seal is None else link.seal.hex(),
    }
