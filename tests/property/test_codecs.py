"""Codecs: what is written reads back as it was, one value has one text, and damage shows."""

from collections.abc import Mapping, Set
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import EventId
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.wire.access.codec import (
    MalformedAccessEvent,
    access_record,
    decode_access_event,
    encode_access_event,
)
from keyfold.wire.events.chain import GENESIS, Head, LedgerGap, Row, hash_row
from keyfold.wire.events.codec import TYPE_NAMES, UnknownEvent, decode_event, encode_event
from keyfold.wire.events.record import lifecycle_record, read_lifecycle_record
from keyfold.wire.events.upcasting import SCHEMA_VERSION, UPCASTERS
from keyfold.wire.journal.line import TornLine, journal_line, read_journal_line
from keyfold.wire.timestamp import format_time, parse_time
from tests.support.property.strategies import (
    EVENT_CLASSES,
    access_events,
    digests,
    event_ids,
    instances_of,
    lifecycle_events,
    rows,
)
from tests.support.seals import BrokenChain, follow
from tests.support.wire.given import DENIED, receive

CLASSES = {name: event_class for event_class, name in TYPE_NAMES.items()}
SINCE: Mapping[int, Set[str]] = {
    2: {"networks", "reminders", "lapses_at", "warn_at"},
    3: {"rate_limit"},
}
"""The fields that each version of an event's data has been the first to hold."""
anything = st.text(st.characters(), max_size=20)  # lone surrogates and NULs among them
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("event_class", EVENT_CLASSES)
@given(data=st.data())
def test_every_lifecycle_event_reads_back(event_class: type[LifecycleEvent], data: st.DataObject) -> None:
    """Whatever an event holds, its text gives it back, and gives the same text again."""
    event = data.draw(instances_of(event_class))
    name, text = encode_event(event)
    read = decode_event(name, SCHEMA_VERSION, text)
    assert (name, type(read), read) == (TYPE_NAMES[event_class], event_class, event)
    assert encode_event(read) == (name, text)
    assert text == orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS).decode()


@given(event=lifecycle_events, data=st.data())
def test_a_lifecycle_event_with_other_fields_is_unknown(event: LifecycleEvent, data: st.DataObject) -> None:
    """One field less, or one more, is not such an event."""
    name, text = encode_event(event)
    content: dict[str, Any] = orjson.loads(text)
    less = dict(content)
    del less[data.draw(st.sampled_from(sorted(content)))]
    for other in (less, content | {"more": None}, content | {"event_id": "x"}):
        with pytest.raises(UnknownEvent):
            decode_event(name, SCHEMA_VERSION, orjson.dumps(other))


@given(event=lifecycle_events, value=json_values, data=st.data())
def test_a_lifecycle_event_with_any_json_in_a_field_is_read_strictly(
    event: LifecycleEvent, value: object, data: st.DataObject
) -> None:
    """A field that holds any JSON is refused as unknown, or was written so by an event that holds it."""
    name, text = encode_event(event)
    content: dict[str, Any] = orjson.loads(text)
    field = data.draw(st.sampled_from(sorted(content)))
    odd = orjson.dumps(content | {field: value}, option=orjson.OPT_SORT_KEYS)
    try:
        read = decode_event(name, SCHEMA_VERSION, odd)
    except UnknownEvent:
        return
    assert encode_event(read) == (name, odd.decode())


@given(event=access_events)
def test_every_access_event_reads_back(event: AccessEvent) -> None:
    """An access event is one line, which gives it back; its record carries that line."""
    line = encode_access_event(event)
    assert b"\n" not in line
    assert decode_access_event(line) == event
    assert access_record(line).value == line
    assert read_journal_line(journal_line(line)) == line


@given(path=anything, method=anything, client_ip=st.none() | anything)
def test_whatever_a_client_sends_can_be_filed(path: str, method: str, client_ip: str | None) -> None:
    """Any text at all, lone surrogates and NULs too, is written, and reads back as writable text."""
    event = replace(DENIED, path=path, method=method, client_ip=client_ip)
    read = decode_access_event(encode_access_event(event))
    assert "\x00" not in read.path
    read.path.encode()
    assert len(read.path) == len(path)
    assert encode_access_event(read) == encode_access_event(event)


@given(event=access_events, value=json_values, data=st.data())
def test_an_access_event_with_any_json_in_a_field_is_read_or_malformed(
    event: AccessEvent, value: object, data: st.DataObject
) -> None:
    """No content of a field makes a reader fail in another way."""
    content: dict[str, Any] = orjson.loads(encode_access_event(event))
    content[data.draw(st.sampled_from(sorted(content)))] = value
    try:
        read = decode_access_event(orjson.dumps(content))
    except MalformedAccessEvent:
        return
    assert decode_access_event(encode_access_event(read)) == read


@given(line=st.binary(max_size=40) | json_values.map(orjson.dumps))
def test_any_bytes_are_an_access_event_or_malformed(line: bytes) -> None:
    """Whatever a topic holds, a reader is told that it is no access event."""
    for read in (decode_access_event, access_record):
        with pytest.raises(MalformedAccessEvent):
            read(line)


@given(content=st.binary(min_size=1, max_size=60), data=st.data())
def test_a_journal_line_is_whole_or_torn(content: bytes, data: st.DataObject) -> None:
    """A line reads back; cut short, or with up to four neighbouring bytes changed, it is torn."""
    line = journal_line(content)
    assert read_journal_line(line) == content
    with pytest.raises(TornLine):
        read_journal_line(line[: data.draw(st.integers(0, len(line) - 2))])
    start = data.draw(st.integers(9, len(line) - 1))
    burst = data.draw(st.binary(min_size=1, max_size=4))[: len(line) - 1 - start]
    assume(line[start : start + len(burst)] != burst)
    assume(not (burst.endswith(b"\n") and start + len(burst) == len(line)))
    with pytest.raises(TornLine):
        read_journal_line(line[:start] + burst + line[start + len(burst) :])


@given(row=rows, row_hash=digests)
def test_every_row_comes_back_from_kafka(row: Row, row_hash: bytes) -> None:
    """A record carries all of a row, whatever its texts hold."""
    assert read_lifecycle_record(receive(lifecycle_record(row, row_hash))) == (row, row_hash, None)


@given(row=rows, other=rows, previous=digests, data=st.data())
def test_any_edit_of_a_row_breaks_its_seal(
    row: Row, other: Row, previous: bytes, data: st.DataObject
) -> None:
    """Two rows that differ in any one field have different seals, and so have two predecessors."""
    field = data.draw(st.sampled_from([field.name for field in fields(Row)]))
    edit: dict[str, Any] = {field: getattr(other, field)}
    edited = replace(row, **edit)
    assert (hash_row(previous, edited) == hash_row(previous, row)) == (edited == row)
    assert hash_row(bytes(32), row) != hash_row(b"\x01" * 32, row)


@given(
    drafts=st.lists(rows, min_size=1, max_size=6),
    picks=st.lists(st.integers(0, 5), max_size=12),
)
def test_a_reader_follows_the_ledger_or_stops(drafts: list[Row], picks: list[int]) -> None:
    """Whatever order, repeats and gaps it is given, a reader takes each position once, in order, or stops."""
    ledger, head = [], GENESIS
    for position, draft in enumerate(drafts, start=1):
        row = replace(draft, position=position)
        head = Head(position=position, hash=hash_row(head.hash, row))
        ledger.append((row, head.hash))
    at, taken = GENESIS, []
    for pick in picks:
        row, row_hash = ledger[pick % len(ledger)]
        try:
            after = follow(at, row, row_hash)
        except LedgerGap:
            assert row.position > at.position + 1
            continue
        if after is not None:
            at = after
            taken.append(row.position)
    assert taken == list(range(1, at.position + 1))
    assert at.hash == (ledger[at.position - 1][1] if taken else GENESIS.hash)


@given(row=rows, row_hash=digests)
def test_a_made_up_hash_breaks_the_chain(row: Row, row_hash: bytes) -> None:
    """Nobody guesses a seal."""
    with pytest.raises(BrokenChain):
        follow(GENESIS, replace(row, position=1), row_hash)


@given(
    first=st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),
    second=st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),
    offset_minutes=st.integers(-1439, 1439),
)
def test_text_order_is_time_order(first: datetime, second: datetime, offset_minutes: int) -> None:
    """Times read back as the same instant from any zone, and sort as text as they do in time."""
    zone = timezone(timedelta(minutes=offset_minutes))
    one, two = first.replace(tzinfo=UTC), second.replace(tzinfo=UTC).astimezone(zone)
    assert parse_time(format_time(one)) == one
    assert parse_time(format_time(two)) == two
    assert (format_time(one) < format_time(two)) == (one < two)


@given(event_id=event_ids)
def test_an_event_id_reads_back(event_id: EventId) -> None:
    """Ids survive to Kafka as they were."""
    line = encode_access_event(replace(DENIED, event_id=event_id))
    assert dict(access_record(line).headers)["ce_id"].decode() == event_id


@pytest.mark.parametrize(("name", "version"), sorted(UPCASTERS))
@given(data=st.data())
def test_old_data_is_read_as_it_says_or_is_unknown(name: str, version: int, data: st.DataObject) -> None:
    """What an old event held it still says, beside what is new since; dates out of all range are unknown."""
    event = data.draw(instances_of(CLASSES[name]))
    content: dict[str, Any] = orjson.loads(encode_event(event)[1])
    newer = {field for since, fields in SINCE.items() if since > version for field in fields}
    old = {field: value for field, value in content.items() if field not in newer}
    try:
        read = decode_event(name, version, orjson.dumps(old))
    except UnknownEvent as unknown:
        assert isinstance(unknown.__cause__, OverflowError)
        return
    told: dict[str, Any] = orjson.loads(encode_event(read)[1])
    assert {field: told[field] for field in old} == old
    assert told.keys() == content.keys()
