"""A ledger row as a Kafka record: a CloudEvent, with its JSON data as the value."""

import re

from keyfold.wire.cloudevents import cloudevent_headers
from keyfold.wire.events.chain import ChainedRow, Row
from keyfold.wire.record import Received, Record
from keyfold.wire.timestamp import parse_time

SOURCE = "/keyfold/ledger"
_SOURCE = SOURCE.encode()
_ATTRIBUTES = (
    "ce_position",
    "ce_subject",
    "ce_streamversion",
    "ce_id",
    "ce_type",
    "ce_schemaversion",
    "ce_actorrole",
    "ce_actorsubject",
    "ce_requestid",
    "ce_time",
    "ce_hash",
)
_COUNT = re.compile(r"[1-9][0-9]{0,17}")


class NotOurs(Exception):
    """A record on the lifecycle topic does not come from a ledger; dead-letter it and go on."""


def lifecycle_record(row: Row, row_hash: bytes, seal: bytes | None = None) -> Record:
    """Return the record of a ledger row: its key is the stream, its headers are `ce_*`.

    Beside CloudEvents' own attributes it has the extensions `position`, `streamversion`, `schemaversion`,
    `actorrole`, `actorsubject`, `requestid`, `hash` and, where a batch ends, `seal` (both hexadecimal).
    """
    attributes = {
        "specversion": "1.0",
        "id": row.event_id,
        "source": SOURCE,
        "type": row.type,
        "time": row.recorded_at,
        "subject": row.stream,
        "position": str(row.position),
        "streamversion": str(row.version),
        "schemaversion": str(row.schema_version),
        "actorrole": row.actor_role,
        "actorsubject": row.actor_subject,
        "requestid": row.request_id,
        "hash": row_hash.hex(),
        **({} if seal is None else {"seal": seal.hex()}),
    }
    return Record(
        key=row.stream.encode(),
        value=row.data.encode(),
        headers=cloudevent_headers(attributes, row.traceparent),
        timestamp_ms=int(parse_time(row.recorded_at).timestamp() * 1000),
    )


def read_lifecycle_record(received: Received) -> ChainedRow:
    """Return a record's ledger row with its hash, and the seal if it has one. Raises NotOurs.

    The event itself is not decoded here: a record of the ledger that cannot be understood must stop its
    reader, one that is not the ledger's must not.
    """
    headers = dict(received.headers)
    if headers.get("ce_source") != _SOURCE:
        raise NotOurs(f"its source is not {SOURCE}")
    try:
        return _read_row(headers, received.value or b"")
    except (KeyError, ValueError) as fault:
        raise NotOurs(f"an attribute of a ledger record is missing or malformed: {fault}") from fault


def _read_row(headers: dict[str, bytes], value: bytes) -> ChainedRow:
    position, stream, version, event_id, name, schema_version, role, subject, request_id, time, row_hash = [
        headers[attribute].decode() for attribute in _ATTRIBUTES
    ]
    traceparent = headers.get("traceparent")
    row = Row(
        position=_read_count(position),
        stream=stream,
        version=_read_count(version),
        event_id=event_id,
        type=name,
        schema_version=_read_count(schema_version),
        data=value.decode(),
        actor_role=role,
        actor_subject=subject,
        request_id=request_id,
        recorded_at=time,
        traceparent=None if traceparent is None else traceparent.decode(),
    )
    seal = headers.get("ce_seal")
    return ChainedRow(row, bytes.fromhex(row_hash), None if seal is None else bytes.fromhex(seal.decode()))


def _read_count(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise ValueError(f"{text!r} is no count from 1")
    return int(text)
