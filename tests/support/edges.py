"""Values at and beyond the edges of every type, put by turns wherever an OpenAPI document takes a value.

Each is written as it goes out, for most of them are what no program that makes JSON would write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

TIMES: Final = (
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:30:00.000001Z",
    "-0001-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-11-30",
    "2026-11-30T00:00:00",
    "2026-11-30T00:00:00,5Z",
    "2026-11-30T00:00:00.0000009Z",
    "2026-11-30t00:00:00z",
    "2026-11-30T24:00:00Z",
    "2026-12-31T23:59:60Z",
    "2026-11-30T00:00:00+24:00",
    "٢٠٢٦-11-30T00:00:00Z",
    "3500-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59.999998Z",
    "9999-12-31T23:59:59.9999999Z",
    "9999-12-31T23:59:59.999999Z",
    "10000-01-01T00:00:00Z",
    "infinity",
    "-infinity",
    "now",
)
NUMBERS: Final = (
    "-0",
    "-0.0",
    "0",
    "-1",
    "0.5",
    "1e0",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "1e300",
    "1e999",
    "-1e999",
    "1" * 400,
    "9" * 5000,
)
_NETWORKS: Final = (
    "0.0.0.0/0",
    "::/0",
    "10.0.0.1/8",
    "::ffff:10.0.0.0/104",
    "fe80::1%eth0/64",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "::1/129",
    "10/8",
    "/",
)
_WORDS: Final = (
    "",
    " ",
    "\x7f",
    "\u202e",
    "\U0001f600",
    "key_000000000000",
    "acc_000000000000",
    "kfs_live_" + "0" * 61,
    "../..",
    "%00",
    "'",
    "x" * 41,
    "é" * 20_000,
)
TEXTS: Final[Sequence[str]] = (*TIMES, *_NETWORKS, *_WORDS, *NUMBERS)
_NO_TEXTS: Final = (r'"\u0000"', r'"a\ud800"', r'"\udfff"', r'"\ud83d\ude00"', '"\x01"', '"\\x"')
_OTHERS: Final = (
    "null",
    "true",
    "false",
    "NaN",
    "Infinity",
    "[]",
    "{}",
    "[null]",
    "[[]]",
    '{"": ""}',
    '{"a": 1, "a": 2}',
    '{"[key]": 1}',
    r'{"\u0000": 1}',
    r'{"\ud800": 1}',
    "[" * 150 + "]" * 150,
    "[" * 5000 + "]" * 5000,
    "[" + ",".join(["1"] * 10_000) + "]",
    "[" + ",".join(['"10.0.0.0/8"'] * 4000) + "]",
)
VALUES: Final[Sequence[str]] = (
    *NUMBERS,
    *(orjson.dumps(text).decode() for text in (*TIMES, *_NETWORKS, *_WORDS)),
    *_NO_TEXTS,
    *_OTHERS,
)
"""JSON texts, some of which are none."""

_EXAMPLES: Final[Mapping[str, object]] = {
    "line": "Name",
    "contact-email": "hello@vendor.example",
    "website": "https://vendor.example",
    "cidr": "203.0.113.0/24",
    "date-time": "2099-01-31T08:00:00Z",
}
Json = Any
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Described:
    """What an OpenAPI document says about the values of its operations."""

    document: Schema

    def body_schema(self, method: str, path: str) -> Schema | None:
        """Return what the operation says about its JSON body, None if it takes none."""
        content = self.document["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
        schema: Schema | None = content.get("application/json", {}).get("schema")
        return schema

    def query_names(self, method: str, path: str) -> Sequence[str]:
        """Return the parameters of the operation's query."""
        parameters = self.document["paths"][path][method.lower()]["parameters"]
        return [each["name"] for each in parameters if each["in"] == "query"]

    def resolved(self, schema: Schema) -> Schema:
        """Return the schema itself, if it is a reference or may be null too."""
        if "$ref" in schema:
            return self.resolved(self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        alternatives = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
        return {**schema, **self.resolved(alternatives[0])} if alternatives else schema

    def bodies(self, schema: Schema, good: Json) -> Iterator[tuple[str, bytes]]:
        """Yield a valid body with each value in each place, places that it leaves out too, and the place."""
        yield from documents(good)
        for name, each in self.resolved(schema)["properties"].items():
            if isinstance(good, dict) and name not in good:
                more = documents({**good, name: self.example(each)})
                yield from ((place, body) for place, body in more if place.startswith(f"/{name}"))

    def example(self, schema: Schema) -> Json:
        """Return a value that the schema allows, with each of its properties."""
        schema = self.resolved(schema)
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        match schema.get("type"):
            case "object":
                return {name: self.example(each) for name, each in schema.get("properties", {}).items()}
            case "array":
                return [self.example(schema["items"])]
            case "integer" | "number":
                return schema.get("minimum", 0)
            case "boolean":
                return True
            case _:
                return _EXAMPLES.get(schema.get("format", ""), "key_000000000000")


def documents(example: Json) -> Iterator[tuple[str, bytes]]:
    """Yield the example with each value by turns in each place of it, and the JSON pointer of that place.

    In objects there is a member too that is not known, and one that is there twice.
    """
    whole = orjson.dumps(example)
    for pointer, before, after in _places(example, "", b"", b""):
        for value in VALUES:
            yield pointer, before + value.encode() + after
    yield from (("", document) for document in (b"", b"\xef\xbb\xbf" + whole, whole + b"}", b"\xff" + whole))


def _places(value: Json, pointer: str, before: bytes, after: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield each place with what is written before and after it."""
    yield pointer, before, after
    if isinstance(value, list):
        texts = [orjson.dumps(each) for each in value]
        for index, each in enumerate(value):
            start, rest = _joined(texts[:index]), _joined(texts[index + 1 :])
            place = before + b"[" + start + b"," * bool(start), b"," * bool(rest) + rest + b"]" + after
            yield from _places(each, f"{pointer}/{index}", *place)
    if isinstance(value, dict):
        members = {name: _member(name) + orjson.dumps(each) for name, each in value.items()}
        for name, each in value.items():
            rest = _joined([text for other, text in members.items() if other != name])
            place = before + b"{" + _member(name), b"," * bool(rest) + rest + b"}" + after
            yield from _places(each, f"{pointer}/{name}", *place)
        whole = _joined(list(members.values()))
        for name in ("unknown", *list(value)[:1]):
            yield (
                f"{pointer}/{name}",
                before + b"{" + _member(name),
                b"," * bool(whole) + whole + b"}" + after,
            )


def _member(name: str) -> bytes:
    return orjson.dumps(name) + b":"


def _joined(texts: Sequence[bytes]) -> bytes:
    return b",".join(texts)
