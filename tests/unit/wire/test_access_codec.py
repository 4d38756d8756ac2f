"""Access events as JSON and on Kafka: every field always there, and nothing that cannot be filed."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from msgspec.structs import replace

from keyfold.domain.access.event import AccessEvent
from keyfold.wire.access.codec import (
    MalformedAccessEvent,
    access_record,
    decode_access_event,
    encode_access_event,
)
from tests.support.wire.given import DENIED, EVENT_ID, TRACEPARENT

LINE = encode_access_event(DENIED)
DATA: dict[str, Any] = orjson.loads(LINE)
ALLOWED = replace(DENIED, reason=None)
ANONYMOUS = replace(
    DENIED,
    account_id=None,
    key_id=None,
    vendor_id=None,
    vendor_key_id=None,
    category=None,
    access=None,
    client_ip=None,
    traceparent=None,
    position=0,
)
MANY = replace(ANONYMOUS, requests=1204)
SINCE_RELEASED = {"requests"}


def test_an_event_is_one_line_with_every_field_in_one_order() -> None:
    """The journal's line is fixed: what is not known is null, not absent."""
    assert LINE == (
        b'{"event_id":"0190163d-8694-739b-aea5-966c26f8ad91","at":"2026-03-01T09:30:00.123456Z",'
        b'"account_id":"acc_1","key_id":"key_s","vendor_id":"ven_1","vendor_key_id":"key_v",'
        b'"category":"patient","access":"write","method":"PUT","path":"/v1/patient/7","decision":"deny",'
        b'"reason":"read_only","position":41,"gateway":"caddy","client_ip":"203.0.113.7",'
        b'"gatekeeper":"host-1/0190163d","seq":9,'
        b'"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","requests":1}'
    )
    assert orjson.loads(encode_access_event(ANONYMOUS)).keys() == DATA.keys()


@pytest.mark.parametrize("event", [DENIED, ALLOWED, ANONYMOUS, MANY])
def test_an_event_reads_back(event: AccessEvent) -> None:
    """What was decided is what is filed."""
    assert decode_access_event(encode_access_event(event)) == event


def test_a_field_from_newer_code_is_no_obstacle() -> None:
    """A gatekeeper may be newer than its reader, which keeps what is added, and gives its bytes back."""
    line = b'%b,"later":{"a": [1, 2.50]},"and":"\xc3\xbc"}' % encode_access_event(DENIED)[:-1]
    event = decode_access_event(line)
    assert event == replace(DENIED, more='"later":{"a": [1, 2.50]},"and":"ü"')
    assert encode_access_event(event) == line


@pytest.mark.parametrize(("field", "word"), [("reason", "moonlight"), ("category", "dental")])
def test_a_word_of_tomorrow_is_kept(field: str, word: str) -> None:
    """A gatekeeper may be newer than its reader, which keeps what it does not know as its text."""
    event = decode_access_event(orjson.dumps({**DATA, field: word}))
    later: dict[str, Any] = {field: word}
    assert event == replace(DENIED, **later)
    assert orjson.loads(encode_access_event(event))[field] == word
    assert event.decision == "deny"


def test_an_event_from_before_there_were_counted_ones_is_of_one_request() -> None:
    """Journals and Kafka hold events that lack the field."""
    line = orjson.dumps({name: value for name, value in DATA.items() if name != "requests"})
    assert decode_access_event(line) == DENIED


@pytest.mark.parametrize("field", [name for name in DATA if name not in SINCE_RELEASED])
def test_a_missing_field_is_malformed(field: str) -> None:
    """Every field is always there."""
    with pytest.raises(MalformedAccessEvent, match=field):
        decode_access_event(orjson.dumps({key: value for key, value in DATA.items() if key != field}))


TEXTS: list[object] = [5, True, [], {}, "a\x00"]
COUNTS: list[object] = [None, -1, 1.0, True, "1", 2**63 - 1, []]
WRONG: dict[str, list[object]] = {
    "event_id": [
        None,
        5,
        "",
        "x",
        EVENT_ID.upper(),
        f"{{{EVENT_ID}}}",
        EVENT_ID.replace("-", ""),
        [EVENT_ID],
    ],
    "at": [None, 5, "", "2026-03-01", "2026-03-01T09:30:00Z", "2026-13-01T09:30:00.000000Z"],
    "category": [*TEXTS, "", "p" * 65],
    "access": [*TEXTS, "", "admin", "WRITE"],
    "decision": [None, 5, "allow", "", "DENY"],
    "reason": [*TEXTS, None, "", "b" * 65],
    "position": COUNTS,
    "seq": COUNTS,
    "requests": [*COUNTS, 0, 2**31],
    "gatekeeper": [None, *TEXTS, "g" * 129],
    **{name: [None, *TEXTS] for name in ("method", "path", "gateway")},
    **dict.fromkeys(("account_id", "key_id", "vendor_id", "vendor_key_id"), TEXTS),
    **dict.fromkeys(("client_ip", "traceparent"), TEXTS),
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG.items() for value in values]
)
def test_a_field_that_cannot_be_filed_is_malformed(field: str, value: object) -> None:
    """Another type, a word that is none, a count out of range, a NUL: told here, not by the database."""
    line = orjson.dumps({**DATA, field: value})
    with pytest.raises(MalformedAccessEvent):
        decode_access_event(line)


@pytest.mark.parametrize("field", ["event_id", "at", "key_id", "gatekeeper", "seq", "traceparent"])
@pytest.mark.parametrize("value", [True, 7.5, [], {}, "", "0001-01-01T00:00:00", "x"])
def test_a_record_is_made_or_its_line_is_malformed(field: str, value: object) -> None:
    """Whatever a line holds where key and headers are taken from, nothing but its being malformed is told."""
    line = orjson.dumps({**DATA, field: value})
    try:
        record = access_record(line)
    except MalformedAccessEvent:
        return
    assert record.value == line
    assert all(isinstance(value, bytes) for _, value in record.headers)


def test_a_record_needs_no_more_than_its_key_and_headers() -> None:
    """A line of tomorrow, or that only its reader can judge, is carried as it is, and one of yesterday is."""
    tomorrow = orjson.dumps({**DATA, "reason": "moonlight", "region": "eu"})
    yesterday = orjson.dumps({name: value for name, value in DATA.items() if name != "requests"})
    for line in (tomorrow, yesterday):
        assert access_record(line).value == line
        assert access_record(line).headers == access_record(LINE).headers


@pytest.mark.parametrize(
    "line", [b"", b"{", b"null", b"1", b"[]", b'"x"', b"{}", b"\xff", b'{"path":"\\ud800"}']
)
def test_what_is_no_event_is_malformed(line: bytes) -> None:
    """Anything may come from a topic."""
    with pytest.raises(MalformedAccessEvent):
        decode_access_event(line)


def test_a_lone_surrogate_in_a_line_is_malformed() -> None:
    """Text that no database holds is never produced."""
    with pytest.raises(MalformedAccessEvent):
        decode_access_event(LINE.replace(b"/v1/patient", b"/v1/\\udcff"))


@pytest.mark.parametrize("field", ["method", "path", "client_ip", "traceparent"])
@pytest.mark.parametrize("sent", ["a\udcffb", "a\ud800b", "a\x00b"])
def test_what_a_client_sent_and_cannot_be_written_is_replaced(field: str, sent: str) -> None:
    """A request is logged whatever bytes its client put into it."""
    odd: dict[str, Any] = {field: sent}
    clean: dict[str, Any] = {field: "a\ufffdb"}
    assert decode_access_event(encode_access_event(replace(DENIED, **odd))) == replace(DENIED, **clean)


def test_text_beyond_ascii_is_kept() -> None:
    """Only what cannot be written is replaced."""
    event = replace(DENIED, path="/v1/Zahnärzte/😀")
    assert decode_access_event(encode_access_event(event)) == event


def test_a_record_carries_the_line_itself() -> None:
    """The journal's bytes are Kafka's bytes, keyed by subscriber key."""
    record = access_record(LINE)
    assert (record.key, record.value, record.timestamp_ms) == (b"key_s", LINE, 1772357400123)
    assert record.headers == (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", EVENT_ID.encode()),
        ("ce_source", b"/keyfold/gatekeeper/host-1/0190163d"),
        ("ce_type", b"keyfold.access.decided"),
        ("ce_time", b"2026-03-01T09:30:00.123456Z"),
        ("ce_seq", b"9"),
        ("ce_subject", b"key_s"),
        ("traceparent", TRACEPARENT.encode()),
    )


def test_a_record_without_a_proven_key_has_no_key_and_no_subject() -> None:
    """What cannot be attributed is spread over the partitions."""
    record = access_record(encode_access_event(ANONYMOUS))
    assert record.key is None
    assert not {"ce_subject", "traceparent"} & dict(record.headers).keys()


@pytest.mark.parametrize("event", [DENIED, ALLOWED, ANONYMOUS, MANY])
def test_the_cloudevents_sdk_reads_it(event: AccessEvent) -> None:
    """A reader that is not ours understands the record."""
    record = access_record(encode_access_event(event))
    assert record.value is not None
    read = from_binary_event(KafkaMessage(dict(record.headers), record.key, record.value))
    attributes: dict[str, Any] = read.get_attributes()
    assert attributes["source"] == "/keyfold/gatekeeper/host-1/0190163d"
    assert attributes["time"] == datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
    assert (attributes["id"], attributes.get("subject")) == (EVENT_ID, event.key_id)
    data = read.get_data()
    assert isinstance(data, dict)
    assert (data["decision"], data["seq"]) == (event.decision, 9)
