"""JSON as it was sent: complete, not nested too deeply, each name once, only text that can be stored."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import orjson

from keyfold.runtime.http.problem import FieldError, Problem, Refused, bad_body, pointer_to

DEPTH_MAX: Final = 200
"""How deep pydantic reads; the parsers here would go further."""

# A text without its end runs to the end of the document, so that no character is scanned twice.
_TEXT_OR_BRACKET: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

Place = tuple[str | int, ...]


class _Members(tuple[tuple[str, object], ...]):
    """An object's members as they were sent; a dictionary would keep only the last of each name."""


class _Number(str):
    """A number's digits as they were sent; its value may be too large for whatever comes next."""


def check_json(document: bytes) -> None:
    """Refuse, with a 400, what is not JSON, and with a 422 what is ambiguous or no database can hold."""
    text = _decode(document)
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as broken:
        raise Refused(_no_json(broken)) from None
    _check_faults(_parse(text))


def take_apart(document: bytes, name: str) -> tuple[object, list[bytes]]:
    """Return the parsed document, and as bytes each item of its object's array of that name, if any.

    Raises as ``check_json`` does, except for faults in an item: they are left to whoever reads that item.
    """
    written = _parse(_decode(document))
    _check_faults(written, apart=name)
    if not isinstance(written, _Members):
        return written, []
    members = dict(written)
    items = members.get(name)
    return members, [_write(each).encode() for each in items] if isinstance(items, list) else []


def _decode(document: bytes) -> str:
    try:
        text = document.decode()
    except UnicodeDecodeError as broken:
        raise Refused(_malformed(f"the body is not UTF-8 at byte {broken.start}")) from None
    depth = 0
    for found in _TEXT_OR_BRACKET.finditer(text):
        match found.group():
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
        if depth > DEPTH_MAX:
            raise Refused(_malformed(f"the body is nested too deeply: more than {DEPTH_MAX} levels"))
    return text


def _parse(text: str) -> object:
    try:
        return json.loads(
            text,
            object_pairs_hook=_Members,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_Number,
        )
    except json.JSONDecodeError as broken:
        raise Refused(_no_json(broken)) from None


def _write(value: object) -> str:
    match value:
        case _Number():
            return value
        case _Members():
            return "{" + ",".join(f"{json.dumps(name)}:{_write(each)}" for name, each in value) + "}"
        case list():
            return "[" + ",".join(map(_write, value)) + "]"
        case _:
            return json.dumps(value)


def _check_faults(written: object, *, apart: str | None = None) -> None:
    errors = list(_find_faults(written, ()))
    if apart is not None:
        errors = [each for each in errors if not each.pointer.startswith(pointer_to((apart, "")))]
    if errors:
        raise Refused(bad_body(errors))


def _find_faults(value: object, place: Place) -> Iterator[FieldError]:
    match value:
        case str() if "\0" in value:
            yield FieldError(pointer=pointer_to(place), detail="the text holds a NUL character")
        case str() if _LONE_SURROGATE.search(value):
            yield FieldError(pointer=pointer_to(place), detail="the text holds half a character")
        case _Members():
            yield from _find_repeats(value, place)
            for name, each in value:
                yield from _find_faults(name, (*place, name))
                yield from _find_faults(each, (*place, name))
        case list():
            for index, each in enumerate(value):
                yield from _find_faults(each, (*place, index))


def _find_repeats(members: _Members, place: Place) -> Iterator[FieldError]:
    for name, uses in Counter(name for name, _ in members).items():
        if uses > 1:
            yield FieldError(pointer=pointer_to((*place, name)), detail=f"it is given {uses} times")


def _no_json(broken: json.JSONDecodeError) -> Problem:
    return _malformed(f"the body is not JSON at line {broken.lineno}, column {broken.colno}: {broken.msg}")


def _malformed(detail: str) -> Problem:
    return Problem(status=400, slug="malformed-json", detail=detail)
