"""The page for subscribers names every field, header and reason, and the settings it speaks of exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from keyfold.domain.access.decision import Reason
from keyfold.domain.permissions import Category
from keyfold.gatekeeper.authz.request.client_address import reduce_address
from keyfold.gatekeeper.settings import ClientIpKept
from keyfold.kafka.dead_letters import record
from keyfold.wire.topics import ACCESS, DAY_MS, DEAD_LETTER
from tests.support.contract.schemas import schema

PAGE = Path("docs/subscribing.md").read_text(encoding="utf-8")
PROSE = " ".join(PAGE.split())  # wherever its lines are broken
EXAMPLES = sorted(Path("docs/examples").glob("*.py"))


def table(title: str) -> dict[str, list[str]]:
    """Return the rows of the table whose first column has this title, by their first cell."""
    rows = PAGE.split(f"\n| {title} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in rows]
    return {name.strip("`"): rest for name, *rest in cells}


def types_of(field: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    """Return the JSON types that a field may have."""
    match field:
        case {"$ref": str(reference)}:
            return types_of(definitions[reference.removeprefix("#/definitions/")], definitions)
        case {"allOf": list(parts)} | {"anyOf": list(parts)}:
            return {each for part in parts for each in types_of(part, definitions)}
        case {"enum": list(values)}:
            return {"null" if value is None else "string" for value in values}
        case {"type": str(name)}:
            return {name}
    return set(field["type"])


def test_every_field_has_its_row_and_its_type() -> None:
    """The table of fields is that of the schema, in its order."""
    access = schema("access-v1")
    fields = {name: set(row[0].split(", ")) for name, row in table("field").items()}
    assert fields == {
        name: types_of(field, access["definitions"]) for name, field in access["properties"].items()
    }
    assert list(fields) == list(access["properties"])


def test_every_header_has_its_row() -> None:
    """The table of headers is that of the schema."""
    definitions = schema("headers-v1")["definitions"]
    assert set(table("header")) == {
        *definitions["cloudEvent"]["properties"],
        *definitions["access"]["properties"],
    }


def test_every_value_is_named() -> None:
    """Reasons are listed in the order in which they are checked, categories where they are explained."""
    listed = PROSE.split("in which they are checked:", 1)[1].split(" ## ", 1)[0]
    assert re.findall(r"`(\w+)`", listed) == list(Reason)
    assert set(Category) <= set(re.findall(r"`(\w+)`", table("field")["category"][1]))


def test_what_the_page_promises_is_how_it_is_made() -> None:
    """Partitions, days, the headers of a dead letter and what is kept of an address are those of the code."""
    assert f"There are {ACCESS.partitions} partitions" in PROSE
    assert f"stays for {int(ACCESS.config['retention.ms']) // DAY_MS} days" in PROSE
    assert f"for {int(DEAD_LETTER.config['retention.ms']) // DAY_MS} days" in PROSE
    assert set(re.findall(r"`(keyfold_dead_\w+)`", PAGE)) == {
        record.REASON,
        record.ORIGIN_TOPIC,
        record.ORIGIN_PARTITION,
        record.ORIGIN_OFFSET,
    }
    for kept in get_args(ClientIpKept):
        assert f"`{kept}`" in PAGE
    assert f"`{reduce_address('203.0.113.9', 'network')}`" in PAGE
    assert f"`{reduce_address('2001:db8:1:2::3', 'network')}`" in PAGE


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_short_and_named(example: Path) -> None:
    """Each example has 60 lines at most, uses none of Keyfold's code, and is named on the page."""
    text = example.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert not re.search(r"^(from|import) (keyfold|tests)\b", text, re.MULTILINE)
    assert f"docs/examples/{example.name}" in PAGE
