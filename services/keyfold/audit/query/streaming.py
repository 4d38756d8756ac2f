"""Activity as it arrives: Server-Sent Events that neither skip nor repeat any."""

import asyncio
from typing import Final
from uuid import UUID

import structlog

from keyfold.audit import metrics
from keyfold.audit.query import scopes
from keyfold.audit.query.concurrency_limit import ConcurrencyLimit
from keyfold.audit.query.resources import ActivityItem, NamedStreamQuery, StreamPlace, StreamQuery
from keyfold.audit.query.scopes import ScopedPath
from keyfold.audit.query.tenant_names import TenantNames
from keyfold.audit.retention import oldest_kept
from keyfold.domain.access.names import Names
from keyfold.domain.ids import EventId
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import (
    AnyRoute,
    FieldError,
    Problem,
    Refused,
    Request,
    RequestHeader,
    Route,
    Streamed,
    Writer,
    decode_cursor,
    encode_cursor,
)
from keyfold.runtime.sharing.turns import Turns
from keyfold.store.access_log.arrivals import (
    ArrivalPosition,
    Arrivals,
    PlaceGone,
    check_place,
    newest_batch,
    read_arrivals,
)
from keyfold.store.access_log.scope import Filters, Scope
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import DatabaseAway
from keyfold.store.postgres.notifications import Notifications
from keyfold.store.postgres.position_watch import PositionWatch

LAST_EVENT_ID: Final = "Last-Event-ID"
RETRY_MS: Final = 2000
EVENTS_AT_ONCE: Final = 200
READS_AT_ONCE: Final = 4
"""How many streams read at once, on connections that only streams use."""
# Batches that arrive within this time are read together.
_GATHER_S: Final = 0.1
_AWAY_S: Final = 1.0

_MEDIA_TYPE: Final = "text/event-stream"
_HEADER: Final = RequestHeader(
    name=LAST_EVENT_ID,
    description="the id of the last event that was received: the stream goes on behind it",
    schema={"type": "string", "maxLength": 1024},
)
_NO_PLACE: Final = Problem(
    status=400,
    slug="bad-last-event-id",
    detail="the Last-Event-ID is not the id of an event of this stream",
    errors=(FieldError(pointer=f"/header/{LAST_EVENT_ID}", detail="it is not an id of this stream"),),
)
_GONE: Final = Problem(
    status=410,
    slug="stream-place-gone",
    detail="what came behind that event is not known any more: begin anew without Last-Event-ID, "
    "and look up what is missing in the list",
)

StreamRequest = Request[None, StreamQuery]
log = structlog.get_logger(__name__)


class Streaming:
    """The handlers of streams; one connection listens for all of them."""

    def __init__(
        self,
        pool: Pool,
        names: TenantNames,
        notifications: Notifications,
        clock: Clock,
        *,
        streams_max: int,
        heartbeat_s: float,
    ) -> None:
        self._pool = pool
        self._names = names
        self._clock = clock
        self._limit = ConcurrencyLimit("streams", streams_max)
        self._turns = Turns("reads", READS_AT_ONCE, waiting_max=streams_max, wait_max_s=None)
        self._watch = PositionWatch("access log", lambda: newest_batch(pool), notifications)
        self._heartbeat_s = heartbeat_s

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return this part of the service's route table."""
        return tuple(map(self._route, scopes.SCOPED_PATHS))

    def _route(self, of: ScopedPath) -> AnyRoute:
        return Route(
            method="GET",
            path=f"{of.path}/stream",
            handler=scopes.make_handler(of, f"{of.name}_activity_stream", self._stream),
            rule=of.rule,
            summary=f"{of.title}, as it arrives: Server-Sent Events without end.",
            query=of.query(StreamQuery, NamedStreamQuery),
            headers=(_HEADER,),
            media_types=(_MEDIA_TYPE,),
            refusals=(410,),
        )

    async def _stream(self, scope: Scope, request: StreamRequest) -> Streamed:
        caller, filters = request.caller, request.query.filters()
        self._limit.check(caller)
        place = await self._start(request.headers.get(LAST_EVENT_ID))

        async def write(writer: Writer) -> None:
            with self._limit.hold_place(caller), metrics.STREAMS.track_inprogress():
                await writer.write(f"retry: {RETRY_MS}\n".encode() + _marker(place))
                await self._follow(writer, scope, filters, place, caller.tenant)

        headers = {"X-Accel-Buffering": "no"}  # nginx would hold events back
        return Streamed(write=write, content_type=_MEDIA_TYPE, headers=headers, endless=True)

    async def _start(self, last_event_id: str | None) -> ArrivalPosition:
        if not last_event_id:
            return ArrivalPosition(batch=await newest_batch(self._pool))
        place = _place(last_event_id)
        try:
            await check_place(self._pool, place)
        except PlaceGone as gone:
            log.info("stream_place_gone", reason=str(gone))
            raise Refused(_GONE) from gone
        return place

    async def _follow(
        self, writer: Writer, scope: Scope, filters: Filters, place: ArrivalPosition, tenant: str
    ) -> None:
        written_at_s = self._clock.monotonic_s()
        while True:
            async with self._turns.take(tenant):
                found, names = await self._next(scope, filters, place)
            due_in_s = written_at_s + self._heartbeat_s - self._clock.monotonic_s()
            if found.events or due_in_s <= 0:
                # A heartbeat carries an id too: a reader that returns later goes on from there.
                await writer.write(_events(found, names) or b": alive\n" + _marker(found.upto))
                written_at_s = self._clock.monotonic_s()
            elif found.upto == place:
                await self._wait(place, due_in_s)
            place = found.upto

    async def _next(self, scope: Scope, filters: Filters, place: ArrivalPosition) -> tuple[Arrivals, Names]:
        since = oldest_kept(self._clock.now())
        try:
            found = await read_arrivals(
                self._pool, scope, filters, place, since=since, events_max=EVENTS_AT_ONCE
            )
            events = (event for _, event in found.events)
            return found, await self._names.of(events, with_keys=scopes.sees_key_names(scope))
        except DatabaseAway as away:
            log.warning("waiting", what="PostgreSQL", reason=str(away), work="stream")
            await asyncio.sleep(_AWAY_S)
            return Arrivals(events=(), upto=place), Names()

    async def _wait(self, place: ArrivalPosition, timeout_s: float) -> None:
        try:
            await self._watch.wait_for(place.batch + 1, timeout_s)
        except DatabaseAway:
            return  # the next read finds it away too, logs that and waits
        await asyncio.sleep(_GATHER_S)


def _events(found: Arrivals, names: Names) -> bytes:
    parts: list[str] = []
    for place, event in found.events:
        parts.append(f"id: {_id(place)}\ndata: {ActivityItem.of(event, names).model_dump_json()}\n\n")
    return "".join(parts).encode()


def _marker(place: ArrivalPosition) -> bytes:
    return f"id: {_id(place)}\n\n".encode()


def _id(place: ArrivalPosition) -> str:
    at, event_id = place.row or (None, None)
    known = None if event_id is None else UUID(event_id)
    return encode_cursor(StreamPlace(filing=place.batch, at=at, event_id=known))


def _place(last_event_id: str) -> ArrivalPosition:
    try:
        given = decode_cursor(last_event_id, StreamPlace)
    except ValueError:
        raise Refused(_NO_PLACE) from None
    if given.at is None or given.event_id is None:
        return ArrivalPosition(batch=given.filing)
    return ArrivalPosition(batch=given.filing, row=(given.at, EventId(str(given.event_id))))
