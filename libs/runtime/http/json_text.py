"""JSON as it was sent: whole, nested no deeper than can be read, each name once, and no NUL."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import orjson

from libs.runtime.http.problem import FieldError, Problem, Refused, bad_body, pointer_to

DEPTH_MAX: Final = 200
"""How deep pydantic follows; the parsers here would go further."""

# A text without its end runs to the end of the document, so that no character is looked at twice.
_TEXT_OR_BRACKET: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)

Place = tuple[str | int, ...]


class _Members(list[tuple[str, object]]):
    """An object's members as they were written; a dictionary would keep only the last of each name."""


def check_json(document: bytes) -> None:
    """Refuse what is no JSON with a 400, and with a 422 what is ambiguous or no database can hold."""
    try:
        text = document.decode()
        _check_depth(text)
        orjson.loads(text)
    except UnicodeDecodeError as broken:
        raise Refused(_malformed(f"the body is not UTF-8 at byte {broken.start}")) from None
    except orjson.JSONDecodeError as broken:
        where = f"line {broken.lineno}, column {broken.colno}"
        raise Refused(_malformed(f"the body is not JSON at {where}: {broken.msg}")) from None
    written = json.loads(text, object_pairs_hook=_Members)
    if errors := list(_faults(written, ())):
        raise Refused(bad_body(errors))


def _check_depth(text: str) -> None:
    depth = 0
    for found in _TEXT_OR_BRACKET.finditer(text):
        match found.group():
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
        if depth > DEPTH_MAX:
            raise Refused(_malformed(f"the body is nested too deeply: more than {DEPTH_MAX} levels"))


def _faults(value: object, place: Place) -> Iterator[FieldError]:
    match value:
        case str() if "\0" in value:
            yield FieldError(pointer=pointer_to(place), detail="the text holds a NUL character")
        case _Members():
            yield from _repeated(value, place)
            for name, each in value:
                yield from _faults(name, (*place, name))
                yield from _faults(each, (*place, name))
        case list():
            for index, each in enumerate(value):
                yield from _faults(each, (*place, index))


def _repeated(members: _Members, place: Place) -> Iterator[FieldError]:
    for name, uses in Counter(name for name, _ in members).items():
        if uses > 1:
            yield FieldError(pointer=pointer_to((*place, name)), detail=f"it is given {uses} times")


def _malformed(detail: str) -> Problem:
    return Problem(status=400, slug="malformed-json", detail=detail)
