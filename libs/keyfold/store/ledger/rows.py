"""The ledger's rows: made of drafts and chained, and read back with whatever else a command looks at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keyfold.domain.ids import AccountId, EventId, StreamId, VendorId
from keyfold.domain.lifecycle.fold import Actor, LifecycleEvent, RecordedEvent, evolve
from keyfold.store.ledger.idempotency_records import IdempotencyRecord
from keyfold.store.ledger.read_set import (
    NOTHING,
    AccountKeys,
    Applications,
    ReadSet,
    ReadSetValues,
    Versioned,
)
from keyfold.wire.events.chain import ChainedRow, Head, Row, hash_row
from keyfold.wire.events.codec import decode_event, encode_event
from keyfold.wire.events.upcasting import SCHEMA_VERSION
from keyfold.wire.timestamp import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """An event that is decided but not yet recorded."""

    stream: StreamId
    event_id: EventId
    event: LifecycleEvent
    actor: Actor
    request_id: str
    traceparent: str | None


def chain_rows(
    head: Head, drafts: Sequence[EventDraft], versions: Mapping[StreamId, int], recorded_at: datetime
) -> Iterator[ChainedRow]:
    """Yield a row with its hash for each draft, to follow the head; `versions` are the streams' so far."""
    latest = dict(versions)
    row_hash = head.hash
    for position, draft in enumerate(drafts, head.position + 1):
        latest[draft.stream] += 1
        row = _make_row(draft, position, latest[draft.stream], format_time(recorded_at))
        row_hash = hash_row(row_hash, row)
        yield ChainedRow(row, row_hash, None)


def _make_row(draft: EventDraft, position: int, version: int, recorded_at: str) -> Row:
    name, data = encode_event(draft.event)
    return Row(
        position=position,
        stream=draft.stream,
        version=version,
        event_id=draft.event_id,
        type=name,
        schema_version=SCHEMA_VERSION,
        data=data,
        actor_role=draft.actor.role,
        actor_subject=draft.actor.subject,
        request_id=draft.request_id,
        recorded_at=recorded_at,
        traceparent=draft.traceparent,
    )


def split_columns(links: Sequence[ChainedRow]) -> Mapping[str, list[object]]:
    """Return the rows column by column, by the names of the append's parameters."""
    rows = [link.row for link in links]
    return {
        "positions": [row.position for row in rows],
        "streams": [row.stream for row in rows],
        "versions": [row.version for row in rows],
        "event_ids": [row.event_id for row in rows],
        "types": [row.type for row in rows],
        "schema_versions": [row.schema_version for row in rows],
        "data": [row.data for row in rows],
        "actor_roles": [row.actor_role for row in rows],
        "actor_subjects": [row.actor_subject for row in rows],
        "request_ids": [row.request_id for row in rows],
        "traceparents": [row.traceparent for row in rows],
        "hashes": [link.hash for link in links],
        "seals": [link.seal for link in links],
    }


def to_recorded(draft: EventDraft, link: ChainedRow, recorded_at: datetime) -> RecordedEvent:
    """Return the event as the ledger holds it from now on."""
    return RecordedEvent(
        position=link.row.position,
        stream=draft.stream,
        version=link.row.version,
        event_id=draft.event_id,
        event=draft.event,
        actor=draft.actor,
        request_id=draft.request_id,
        recorded_at=recorded_at,
        hash=link.hash,
    )


def read_link(record: Mapping[str, Any]) -> ChainedRow:
    """Return a row as it was hashed, its hash, and its seal if it has one."""
    row = Row(
        position=record["position"],
        stream=record["stream"],
        version=record["version"],
        event_id=record["event_id"],
        type=record["type"],
        schema_version=record["schema_version"],
        data=record["data"],
        actor_role=record["actor_role"],
        actor_subject=record["actor_subject"],
        request_id=record["request_id"],
        recorded_at=format_time(record["recorded_at"]),
        traceparent=record["traceparent"],
    )
    return ChainedRow(row, record["hash"], record["seal"])


def read_values(read_set: ReadSet, record: Mapping[str, Any]) -> ReadSetValues:
    """Return the values of a read set, its streams folded. Raises UnknownEvent or ImpossibleEvent."""
    return ReadSetValues(
        streams=_fold(read_set.streams, record["events"]),
        account_keys=_read_account_keys(read_set.accounts | read_set.whole_accounts, record["account_keys"]),
        applications=_read_applications(read_set.applicants, record["applications"]),
        answers={
            answer_id: IdempotencyRecord(fingerprint=fingerprint, sealed=sealed, position=position)
            for answer_id, fingerprint, sealed, position in record["answers"]
        },
        head=read_head(record),
        recorded_at=record["recorded_at"],
        speakers={each: each in set(map(tuple, record["speakers"])) for each in read_set.speakers},
        kept=dict(record["kept"]),
    )


def read_head(record: Mapping[str, Any]) -> Head:
    """Return the head that is in a record."""
    return Head(position=record["position"], hash=record["hash"])


def _fold(
    wanted: frozenset[StreamId], events: Sequence[tuple[StreamId, int, str, int, str]]
) -> Mapping[StreamId, Versioned]:
    streams = dict.fromkeys(wanted, NOTHING)
    for stream, version, name, schema_version, data in events:
        before = streams.get(stream, NOTHING).aggregate
        aggregate = evolve(before, decode_event(name, schema_version, data))
        streams[stream] = Versioned(aggregate=aggregate, version=version)
    return streams


def _read_account_keys(
    wanted: frozenset[AccountId],
    found: Sequence[tuple[AccountId, int, int]],
) -> Mapping[AccountId, AccountKeys]:
    keys = dict.fromkeys(wanted, AccountKeys(live=0, created_position=0))
    for account_id, live, created_position in found:
        keys[account_id] = AccountKeys(live=live, created_position=created_position)
    return keys


def _read_applications(
    wanted: frozenset[str], made: Sequence[tuple[str, VendorId, int]]
) -> Mapping[str, Applications]:
    return {
        applicant: Applications(
            vendor_ids=frozenset(vendor_id for who, vendor_id, _ in made if who == applicant),
            applied_position=max((position for who, _, position in made if who == applicant), default=0),
        )
        for applicant in wanted
    }
