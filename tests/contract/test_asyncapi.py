"""The AsyncAPI document is what the code emits, and the code emits nothing else."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from libs.domain.access_event import AccessEvent
from libs.domain.lifecycle import LifecycleEvent
from libs.domain.permissions import Access
from libs.wire.access_codec import ACCESS_TYPE, access_record, encode_access_event
from libs.wire.chain import Row
from libs.wire.event_codec import TYPE_NAMES, encode_event
from libs.wire.lifecycle_record import lifecycle_record
from libs.wire.record import Record
from libs.wire.topics import ALL
from libs.wire.upcasting import SCHEMA_VERSION
from tests.property.strategies import access_events, instances_of

DOCUMENT: dict[str, Any] = yaml.safe_load(Path("docs/asyncapi.yaml").read_text())
MESSAGES: dict[str, Any] = {
    message["name"]: message for message in DOCUMENT["components"]["messages"].values()
}


def validator_of(schema: object) -> Draft202012Validator:
    """Return a validator for one schema of the document, whose references point into the document."""
    return Draft202012Validator({"$ref": "#/target", "target": schema, "components": DOCUMENT["components"]})


def check_headers(record: Record, message: dict[str, Any]) -> None:
    """Hold a record's headers against every trait of its message."""
    headers = {name: value.decode() for name, value in record.headers}
    assert headers["ce_type"] == message["name"]
    for trait in message["traits"]:
        reference = trait["$ref"].removeprefix("#/components/messageTraits/")
        validator_of(DOCUMENT["components"]["messageTraits"][reference]["headers"]).validate(headers)


def test_every_emitted_type_has_a_message_and_every_message_is_emitted() -> None:
    """The document names exactly the types that the code can emit."""
    assert set(MESSAGES) == {*TYPE_NAMES.values(), ACCESS_TYPE, "keyfold.dead-letter"}


def test_every_topic_is_a_channel_with_its_partitions() -> None:
    """The channels are the topics that the code creates."""
    channels = {channel["address"]: channel for channel in DOCUMENT["channels"].values()}
    assert set(channels) == {topic.name for topic in ALL}
    for topic in ALL:
        bindings = channels[topic.name].get("bindings")
        assert bindings is None or bindings["kafka"]["partitions"] == topic.partitions


@pytest.mark.parametrize("event_class", TYPE_NAMES, ids=TYPE_NAMES.get)
@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_lifecycle_event_is_what_the_document_says(
    event_class: type[LifecycleEvent], data: st.DataObject
) -> None:
    """Data and headers of every lifecycle event validate against its message."""
    name, text = encode_event(data.draw(instances_of(event_class)))
    row = Row(
        position=1,
        stream="account-acc_1",
        version=1,
        event_id="01980000-0000-7000-8000-000000000000",
        type=name,
        schema_version=SCHEMA_VERSION,
        data=text,
        actor_role="owner",
        actor_subject="anna",
        request_id="r",
        recorded_at="2026-01-31T23:59:59.000001Z",
        traceparent=None,
    )
    validator_of(MESSAGES[name]["payload"]).validate(orjson.loads(text))
    check_headers(lifecycle_record(row, bytes(32)), MESSAGES[name])


@given(event=access_events.filter(lambda event: event.access is not Access.NONE and event.seq > 0))
@settings(max_examples=100, deadline=None)
def test_an_access_event_is_what_the_document_says(event: AccessEvent) -> None:
    """Data and headers of every access event validate against its message."""
    line = encode_access_event(event)
    validator_of(MESSAGES[ACCESS_TYPE]["payload"]).validate(orjson.loads(line))
    check_headers(access_record(line), MESSAGES[ACCESS_TYPE])
