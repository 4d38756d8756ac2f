"""A ledger row on Kafka: a CloudEvent that anybody reads, and that comes back whole."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from msgspec.structs import replace

from keyfold.wire.events.chain import GENESIS
from keyfold.wire.events.record import SOURCE, NotOurs, lifecycle_record, read_lifecycle_record
from keyfold.wire.record import Headers, Received, Record
from tests.support.seals import BrokenChain, follow
from tests.support.wire.given import TRACEPARENT, ledger, receive, row_at

ROW, HASH = ledger(1)[0]
RECORD = lifecycle_record(ROW, HASH)


def with_headers(record: Record, **changes: bytes | None) -> Received:
    """Return a record as received, with headers changed, or left out where the value is None."""
    headers: dict[str, bytes | None] = {**dict(record.headers), **changes}
    kept: Headers = tuple((name, value) for name, value in headers.items() if value is not None)
    return replace(receive(record), headers=kept)


def test_a_row_comes_back_whole() -> None:
    """Row and hash are what was sent, with a trace and without one, and still fit the chain."""
    for row in (ROW, row_at(7, traceparent=None)):
        assert read_lifecycle_record(receive(lifecycle_record(row, HASH))) == (row, HASH, None)
    assert follow(GENESIS, *read_lifecycle_record(receive(RECORD))[:2]) is not None


def test_what_is_not_known_is_no_harm_to_the_row() -> None:
    """An unknown field of the data stays as it is, under the hash; an unknown header is left out."""
    newer = replace(ROW, data=ROW.data.replace("{", '{"more": [1, 2.50],'))
    received = with_headers(lifecycle_record(newer, HASH), ce_more=b"1", more=b"\xff")
    assert read_lifecycle_record(received) == (newer, HASH, None)


def test_a_record_is_a_cloudevent_in_binary_mode() -> None:
    """Each attribute is a header, the data is the value, and the stream is the key."""
    assert RECORD.key == b"account-acc_1"
    assert RECORD.value == ROW.data.encode()
    assert RECORD.timestamp_ms == 1772357400000
    assert RECORD.headers == (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", ROW.event_id.encode()),
        ("ce_source", b"/keyfold/ledger"),
        ("ce_type", b"keyfold.account.created"),
        ("ce_time", b"2026-03-01T09:30:00.000001Z"),
        ("ce_subject", b"account-acc_1"),
        ("ce_position", b"1"),
        ("ce_streamversion", b"1"),
        ("ce_schemaversion", b"1"),
        ("ce_actorrole", b"operator"),
        ("ce_actorsubject", b"olga"),
        ("ce_requestid", b"req-1"),
        ("ce_hash", HASH.hex().encode()),
        ("traceparent", TRACEPARENT.encode()),
    )
    untraced = lifecycle_record(row_at(1, traceparent=None), HASH)
    assert untraced.headers == RECORD.headers[:-1]


def test_the_cloudevents_sdk_reads_it() -> None:
    """A reader that is not ours understands the record: attributes, extensions and data."""
    assert RECORD.value is not None
    event = from_binary_event(KafkaMessage(dict(RECORD.headers), RECORD.key, RECORD.value))
    attributes: dict[str, Any] = event.get_attributes()
    assert attributes == {
        "specversion": "1.0",
        "id": ROW.event_id,
        "source": SOURCE,
        "type": "keyfold.account.created",
        "time": datetime(2026, 3, 1, 9, 30, 0, 1, tzinfo=UTC),
        "subject": "account-acc_1",
        "datacontenttype": "application/json",
        "position": "1",
        "streamversion": "1",
        "schemaversion": "1",
        "actorrole": "operator",
        "actorsubject": "olga",
        "requestid": "req-1",
        "hash": HASH.hex(),
        "partitionkey": "account-acc_1",
    }
    assert event.get_data() == {"account_id": "acc_1", "name": "Zahnärzte 1"}


@pytest.mark.parametrize("source", [None, b"", b"/keyfold/gatekeeper/x", b"/keyfold/ledger/", b"\xff"])
def test_another_source_is_not_ours(source: bytes | None) -> None:
    """What no ledger sent is told apart, so that it is dead-lettered and stops nobody."""
    with pytest.raises(NotOurs, match="source"):
        read_lifecycle_record(with_headers(RECORD, ce_source=source))


@pytest.mark.parametrize(
    "attribute",
    [
        name
        for name, _ in RECORD.headers
        if name.startswith("ce_") and name not in ("ce_specversion", "ce_source")
    ],
)
def test_a_missing_or_undecodable_attribute_is_not_ours(attribute: str) -> None:
    """A ledger sends every attribute, as UTF-8."""
    for value in (None, b"\xff\xfe"):
        with pytest.raises(NotOurs, match="missing or malformed"):
            read_lifecycle_record(with_headers(RECORD, **{attribute: value}))


@pytest.mark.parametrize("attribute", ["ce_position", "ce_streamversion", "ce_schemaversion"])
@pytest.mark.parametrize(
    "value", ["", "0", "-1", "+1", "01", " 1", "1\n", "1_0", "1.0", "x", "٣", "9" * 19, "9" * 5000]
)
def test_a_count_is_written_in_one_way(attribute: str, value: str) -> None:
    """Counts are plain decimals from 1 that fit the ledger's own."""
    with pytest.raises(NotOurs, match="missing or malformed"):
        read_lifecycle_record(with_headers(RECORD, **{attribute: value.encode()}))


def test_a_hash_or_value_that_is_no_text_is_not_ours() -> None:
    """A ledger's hash is hexadecimal and its data UTF-8."""
    with pytest.raises(NotOurs):
        read_lifecycle_record(with_headers(RECORD, ce_hash=b"xyz"))
    with pytest.raises(NotOurs):
        read_lifecycle_record(replace(receive(RECORD), value=b"\xff"))


@pytest.mark.parametrize("value", [None, b"", b"{}"])
def test_a_ledger_record_with_other_data_breaks_the_chain(value: bytes | None) -> None:
    """A record in the ledger's name is not dead-lettered for its data: it stops its reader."""
    row, row_hash, _ = read_lifecycle_record(replace(receive(RECORD), value=value))
    with pytest.raises(BrokenChain):
        follow(GENESIS, row, row_hash)
