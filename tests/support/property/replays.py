"""Other ways to the same state: stream by stream, read from a ledger with repeats, and packed."""

from collections import defaultdict

from keyfold.domain.ids import EventId, StreamId
from keyfold.domain.lifecycle.fold import Aggregate, LifecycleEvent, evolve, stream_of
from keyfold.domain.lifecycle.state import State
from keyfold.wire.events.chain import GENESIS, Head, Row, hash_row, understand
from keyfold.wire.events.codec import encode_event
from keyfold.wire.events.upcasting import SCHEMA_VERSION
from keyfold.wire.keys.packed import Packed
from keyfold.wire.keys.packed_key import pack_key, unpack_key
from tests.support.seals import follow


def fold_by_stream(history: list[LifecycleEvent]) -> State:
    """Fold each stream by itself, and put the results together."""
    streams: dict[StreamId, list[LifecycleEvent]] = defaultdict(list)
    for event in history:
        streams[stream_of(event)].append(event)
    state = State()
    for events in streams.values():
        aggregate: Aggregate | None = None
        for event in events:
            aggregate = evolve(aggregate, event)
        assert aggregate is not None
        state.put(aggregate)
    return state


def read_with_repeats(history: list[LifecycleEvent]) -> State:
    """Write a history to a ledger, and read it back with all before each third row repeated."""
    sent: list[tuple[Row, bytes]] = []
    previous = GENESIS.hash
    for position, event in enumerate(history, start=1):
        row = row_of(position, event)
        previous = hash_row(previous, row)
        sent.append((row, previous))
    state, head = State(), GENESIS
    for index, sealed in enumerate(sent):
        for row, row_hash in [*sent[:index], sealed] if index % 3 == 0 else [sealed]:
            after = follow(head, row, row_hash)
            if after is not None:
                state.fold(understand(row, row_hash).event)
            head = after or head
    assert head == Head(position=len(history), hash=previous)
    return state


def fold_packed(history: list[LifecycleEvent]) -> State:
    """Fold into a state whose keys are packed, as a gatekeeper's are."""
    state = State(keys=Packed(pack_key, unpack_key))
    for event in history:
        state.fold(event)
    return state


def row_of(position: int, event: LifecycleEvent) -> Row:
    """Return an event's row."""
    name, data = encode_event(event)
    return Row(
        position=position,
        stream=stream_of(event),
        version=1,
        event_id=EventId("0190163d-8694-739b-aea5-966c26f8ad91"),
        type=name,
        schema_version=SCHEMA_VERSION,
        data=data,
        actor_role="owner",
        actor_subject="anna",
        request_id="r",
        recorded_at="2026-03-01T09:30:00.000001Z",
        traceparent=None,
    )
