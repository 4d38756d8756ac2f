"""The OpenAPI documents say all that is refused of a text in a query."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCUMENTS = sorted(Path("docs/openapi").glob("*.json"))
RULES = {"pattern", "enum", "format"}


def test_texts_in_queries() -> None:
    """No text in a query may be anything at all: a NUL, to begin with, is refused everywhere."""
    assert [name for document in DOCUMENTS for name in unruled(json.loads(document.read_text()))] == []


def unruled(document: dict[str, Any]) -> Iterator[str]:
    """Yield the parameters in queries that are texts without a rule."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for each in operation.get("parameters", ()):
                kinds = each["schema"].get("anyOf", [each["schema"]])
                if each["in"] == "query" and any(is_unruled(kind) for kind in kinds):
                    yield f"{method} {path} {each['name']}"


def is_unruled(schema: dict[str, Any]) -> bool:
    """Tell whether a schema lets any text in."""
    return schema.get("type") == "string" and not RULES & schema.keys()
