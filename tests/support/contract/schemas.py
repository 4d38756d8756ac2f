"""The published JSON Schemas, by the AsyncAPI document's references."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

DIRECTORY = Path("docs/schemas")
NAMES = ("access-v1", "headers-v1", "lifecycle-v1")


def schema(name: str, directory: Path = DIRECTORY) -> dict[str, Any]:
    """Return one published schema."""
    document: dict[str, Any] = orjson.loads((directory / f"{name}.json").read_bytes())
    return document


REGISTRY: Registry[Any] = Registry().with_resources(
    [(f"./schemas/{name}.json", DRAFT7.create_resource(schema(name))) for name in NAMES]
)


@cache
def validator_of(reference: str) -> Draft7Validator:
    """Return the validator for a reference of the AsyncAPI document."""
    return Draft7Validator(
        {"$ref": reference}, registry=REGISTRY, format_checker=Draft7Validator.FORMAT_CHECKER
    )


def find_schema(reference: str) -> dict[str, Any]:
    """Return the schema of a reference of the AsyncAPI document."""
    contents: dict[str, Any] = REGISTRY.resolver().lookup(reference).contents
    return contents
