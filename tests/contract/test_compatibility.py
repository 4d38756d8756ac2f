"""What is published today keeps the promise made to the consumers of the last release."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft7Validator

from keyfold.domain.access.decision import Reason
from keyfold.domain.permissions import Category
from keyfold.wire.access.codec import encode_access_event
from keyfold.wire.events.codec import TYPE_NAMES
from tests.support.access_events import access_event
from tests.support.contract.compatibility import breaks
from tests.support.contract.schemas import DIRECTORY, NAMES, find_schema, schema, validator_of

RELEASED = DIRECTORY / "released"
LEDGERS = sorted(Path("tests/corpus").glob("lifecycle_v*.ndjson"))

# A schema with one of everything that the published ones are made of.
PROMISE: dict[str, Any] = {
    "type": "object",
    "required": ["who", "what"],
    "properties": {
        "who": {"description": "The practice.", "type": "string", "pattern": "^acc_"},
        "what": {"enum": ["allow", "deny"]},
        "why": {"type": ["string", "null"], "x-known-values": ["stale", "read_only"]},
        "where": {"anyOf": [{"$ref": "#/definitions/Place"}, {"type": "null"}]},
    },
    "definitions": {"Place": {"type": "integer", "minimum": 0}},
}

ALLOWED: dict[str, tuple[str, Any]] = {
    "a new field": ("properties/when", {"type": "string"}),
    "a new definition": ("definitions/Time", {"type": "string"}),
    "a new reason": ("properties/why/x-known-values", ["stale", "rate_limited", "read_only"]),
    "a field that is always there from now on": ("required", ["who", "why", "what"]),
    "other words": ("properties/who/description", "A practice, by its id."),
    "words where there were none": ("properties/what/description", "The answer."),
}
GONE = object()
FORBIDDEN: dict[str, tuple[str, Any]] = {
    "a field is gone": ("properties/why", GONE),
    "a definition is gone": ("definitions/Place", GONE),
    "a reason is gone": ("properties/why/x-known-values", ["stale"]),
    "a field may be missing": ("required", ["who"]),
    "nothing is said of what is always there": ("required", GONE),
    "another type": ("properties/who/type", "integer"),
    "null where there was none": ("properties/who/type", ["string", "null"]),
    "no null where there was one": ("properties/why/type", "string"),
    "another form": ("properties/who/pattern", "^account_"),
    "any form": ("properties/who/pattern", GONE),
    "another bound": ("definitions/Place/minimum", 1),
    "a number of another kind": ("definitions/Place/minimum", 0.0),
    "a further value of a closed list": ("properties/what/enum", ["allow", "deny", "ask"]),
    "a closed list in place of an open one": ("properties/why", {"enum": ["stale", "read_only", None]}),
    "an open list in place of a closed one": ("properties/what", {"type": "string"}),
    "a further alternative": ("properties/where/anyOf", [*PROMISE["properties"]["where"]["anyOf"], {}]),
    "another alternative": ("properties/where/anyOf/0/$ref", "#/definitions/Other"),
    "no further fields": ("additionalProperties", False),
    "a keyword nobody has thought of": ("properties/who/contentEncoding", "base64"),
}


def changed(place: str, value: Any) -> dict[str, Any]:
    """Return the promise with one thing put, replaced or taken away."""
    *way, last = place.split("/")
    copy = deepcopy(PROMISE)
    node: Any = copy
    for step in way:
        node = node[int(step)] if isinstance(node, list) else node[step]
    if value is GONE:
        del node[last]
    else:
        node[last] = value
    return copy


@pytest.mark.parametrize("kind", ALLOWED)
def test_an_addition_is_allowed(kind: str) -> None:
    """What a consumer that ignores what it does not know never notices breaks nothing."""
    assert list(breaks(PROMISE, changed(*ALLOWED[kind]))) == []


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_anything_else_is_forbidden(kind: str) -> None:
    """Each other difference is found, and nothing but its place is named."""
    place, value = FORBIDDEN[kind]
    found = list(breaks(PROMISE, changed(place, value)))
    assert found
    assert all(each.startswith(f"#/{place}") for each in found)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_released_is_broken(name: str) -> None:
    """Whoever reads by the last released schema can read what is written today."""
    assert list(breaks(schema(name, RELEASED), schema(name))) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_schemas_are_schemas(name: str) -> None:
    """Each published schema is one of draft 7, today's and the released."""
    Draft7Validator.check_schema(schema(name))
    Draft7Validator.check_schema(schema(name, RELEASED))


def test_the_topics_of_the_last_release_are_still_the_only_ones() -> None:
    """Every schema has its released copy, and no released one is left without a schema of today."""
    assert {each.stem for each in RELEASED.glob("*.json")} == set(NAMES)
    assert {each.stem for each in DIRECTORY.glob("*.json")} == set(NAMES)


def test_every_known_value_is_published() -> None:
    """The values that a field is known to take are those of the code."""
    access = schema("access-v1")
    assert access["properties"]["reason"]["x-known-values"] == list(Reason)
    assert access["definitions"]["Category"]["x-known-values"] == list(Category)
    assert schema("lifecycle-v1")["definitions"]["Category"]["x-known-values"] == list(Category)


def test_a_consumer_that_validates_takes_what_is_new() -> None:
    """An event with a field and a reason of tomorrow is valid today: the schema shuts nobody out."""
    event = orjson.loads(encode_access_event(access_event(1)))
    tomorrow = {**event, "decision": "deny", "reason": "moonlight", "region": {"name": "eu"}}
    validator_of("./schemas/access-v1.json").validate(tomorrow)


def fields_of(reference: str, schema_version: int) -> set[str]:
    """Return the fields that an event of this type had in this schema version."""
    fields = find_schema(reference)["properties"]
    return {name for name, field in fields.items() if field.get("x-since-schemaversion", 1) <= schema_version}


@pytest.mark.parametrize("ledger", LEDGERS, ids=lambda path: path.stem)
def test_every_record_ever_written_is_what_its_schema_says(ledger: Path) -> None:
    """Records that earlier code has sealed are valid, and lack no field but those that came later."""
    rows = [orjson.loads(line) for line in ledger.read_bytes().splitlines()]
    assert {row["type"] for row in rows} <= set(TYPE_NAMES.values())
    for row in rows:
        reference = f"./schemas/lifecycle-v1.json#/definitions/{row['type']}"
        data = orjson.loads(row["data"])
        validator_of(reference).validate(data)
        assert data.keys() == fields_of(reference, row["schema_version"])
