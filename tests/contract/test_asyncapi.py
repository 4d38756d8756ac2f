"""The AsyncAPI document is what the code emits, and the code emits nothing else."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.gatekeeper_run import ClosedRun
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.permissions import Access
from keyfold.kafka.dead_letters.record import dead_letter
from keyfold.wire.access.closed_run import CLOSED_TYPE, closed_run_record
from keyfold.wire.access.codec import ACCESS_TYPE, access_record, encode_access_event
from keyfold.wire.access.run_record import ENDED_TYPE, OPENED_TYPE, POLICY_TYPE, RunSigner, digest_policy
from keyfold.wire.events.codec import TYPE_NAMES
from keyfold.wire.events.record import lifecycle_record
from keyfold.wire.events.upcasting import SCHEMA_VERSION
from keyfold.wire.record import Received, Record
from keyfold.wire.topics import ALL
from tests.support.access_events import EPOCH
from tests.support.contract.schemas import find_schema, validator_of
from tests.support.property.replays import row_of
from tests.support.property.strategies import access_events, instances_of

DOCUMENT: dict[str, Any] = yaml.safe_load(Path("docs/asyncapi.yaml").read_text())
MESSAGES: dict[str, Any] = {
    message["name"]: message for message in DOCUMENT["components"]["messages"].values()
}


def check_headers(record: Record, message: dict[str, Any]) -> None:
    """Hold a record's headers against every trait of its message; no header is left unnamed."""
    headers = {name: value.decode() for name, value in record.headers}
    assert headers["ce_type"] == message["name"]
    known: set[str] = set()
    for trait in message["traits"]:
        name = trait["$ref"].removeprefix("#/components/messageTraits/")
        reference = DOCUMENT["components"]["messageTraits"][name]["headers"]["$ref"]
        validator_of(reference).validate(headers)
        known |= find_schema(reference)["properties"].keys()
    assert headers.keys() <= known


def check_data(data: dict[str, Any], message: dict[str, Any]) -> None:
    """Hold an event's data against its message: every published field is there, and no other."""
    validator_of(message["payload"]["$ref"]).validate(data)
    assert data.keys() == find_schema(message["payload"]["$ref"])["properties"].keys()


def test_every_emitted_type_has_a_message_and_every_message_is_emitted() -> None:
    """The document names exactly the types that the code can emit."""
    own = {ACCESS_TYPE, CLOSED_TYPE, OPENED_TYPE, POLICY_TYPE, ENDED_TYPE}
    assert set(MESSAGES) == {*TYPE_NAMES.values(), *own, "keyfold.dead-letter"}


def test_every_topic_is_a_channel() -> None:
    """The channels are the topics that the code creates, with their partitions, retention and clean-up."""
    channels = {channel["address"]: channel["bindings"]["kafka"] for channel in DOCUMENT["channels"].values()}
    assert channels == {
        topic.name: {
            "partitions": topic.partitions,
            "topicConfiguration": {
                "cleanup.policy": [topic.config["cleanup.policy"]],
                "retention.ms": int(topic.config["retention.ms"]),
            },
        }
        for topic in ALL
    }


def test_every_message_is_on_a_channel() -> None:
    """No message is described that no topic carries."""
    messages = DOCUMENT["components"]["messages"]
    carried = [
        message["$ref"].removeprefix("#/components/messages/")
        for channel in DOCUMENT["channels"].values()
        for message in channel["messages"].values()
    ]
    assert sorted(carried) == sorted(messages)


def test_a_dead_letter_is_what_the_document_says() -> None:
    """A dead letter has the headers that its message names, besides those that it came with."""
    received = Received(
        topic="t", partition=0, offset=7, timestamp_ms=0, key=None, value=b"", headers=(("theirs", b"x"),)
    )
    headers = {name: value.decode() for name, value in dead_letter(received, reason="no JSON").headers}
    reference = MESSAGES["keyfold.dead-letter"]["headers"]["$ref"]
    validator_of(reference).validate(headers)
    assert headers.keys() - {"theirs"} == find_schema(reference)["properties"].keys()


def test_the_newest_schema_version_is_named() -> None:
    """The description of the lifecycle topic says which version is written now."""
    said = re.search(r"newest `ce_schemaversion` is (\d+)", DOCUMENT["channels"]["lifecycle"]["description"])
    assert said is not None
    assert int(said[1]) == SCHEMA_VERSION


@pytest.mark.parametrize("event_class", TYPE_NAMES, ids=TYPE_NAMES.get)
@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_lifecycle_event_is_what_the_document_says(
    event_class: type[LifecycleEvent], data: st.DataObject
) -> None:
    """Data and headers of every lifecycle event validate against its message."""
    row = row_of(1, data.draw(instances_of(event_class)))
    check_data(orjson.loads(row.data), MESSAGES[row.type])
    check_headers(lifecycle_record(row, bytes(32)), MESSAGES[row.type])


@given(
    event=access_events.filter(
        lambda event: event.access is not Access.NONE and event.seq > 0 and event.policy
    )
)
@settings(max_examples=100, deadline=None)
def test_an_access_event_is_what_the_document_says(event: AccessEvent) -> None:
    """Data and headers of every access event validate against its message."""
    line = encode_access_event(event)
    check_data(orjson.loads(line), MESSAGES[ACCESS_TYPE])
    check_headers(access_record(line), MESSAGES[ACCESS_TYPE])


@pytest.mark.parametrize("is_exact", [True, False])
def test_the_end_of_a_run_is_what_the_document_says(is_exact: bool) -> None:
    """Data and headers of the last record of a run validate against its message."""
    run = "01980000-0000-7000-8000-000000000000"
    record = closed_run_record(ClosedRun(gatekeeper=run, last_seq=7, is_exact=is_exact, at=EPOCH))
    check_data(orjson.loads(record.value or b""), MESSAGES[CLOSED_TYPE])
    check_headers(record, MESSAGES[CLOSED_TYPE])


def test_what_a_run_says_is_what_the_document_says() -> None:
    """Data and headers of the records that open a run, announce a policy and end it validate."""
    run = "01980000-0000-7000-8000-000000000000"
    signer = RunSigner(run)
    policy = {"policy_digest": digest_policy("GET /health public"), "policy_text": "GET /health public"}
    lines = {
        OPENED_TYPE: signer.opened(event_id=run, at=EPOCH, version="1.0", host="host", **policy),
        POLICY_TYPE: signer.policy(event_id=run, seq=7, at=EPOCH, number=2, **policy),
        ENDED_TYPE: signer.ended(event_id=run, seq=7, at=EPOCH),
    }
    for kind, line in lines.items():
        check_data(orjson.loads(line), MESSAGES[kind])
        check_headers(access_record(line), MESSAGES[kind])
