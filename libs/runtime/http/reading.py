"""Reading a request: its path, query and body become values, or a problem that says where they do not."""

import re
from collections.abc import Iterator
from typing import Final, TypeVar
from urllib.parse import unquote_to_bytes

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from libs.runtime.http.problem import FieldError, Problem, Refused, of_status

BODY_BYTES_MAX: Final = 64 * 1024
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ERRORS_MAX: Final = 100
_DEPTH_MAX: Final = 255  # pydantic parses no more than 200

M = TypeVar("M", bound=BaseModel)


def check_target(raw: web.Request) -> None:
    """Refuse a path or query whose percent-encoding is broken, not UTF-8, or hides a NUL."""
    target = raw.raw_path
    try:
        decoded = unquote_to_bytes(target).decode()
    except UnicodeError:
        raise Refused(of_status(400, "the path or query is not percent-encoded UTF-8")) from None
    if _BAD_ESCAPE.search(target) or "\0" in decoded:
        raise Refused(of_status(400, "the path or query holds a broken percent-encoding or a NUL"))


def read_query(raw: web.Request, model: type[M]) -> M:
    """Read the query string as the model, or refuse it naming each parameter."""
    given = raw.rel_url.query
    repeated = sorted({name for name in given if len(given.getall(name)) > 1})
    if repeated:
        raise Refused(
            _bad_query([FieldError(pointer=_pointer(name), detail="given twice") for name in repeated])
        )
    try:
        return model.model_validate(dict(given))
    except ValidationError as invalid:
        raise Refused(_bad_query(_field_errors(invalid))) from None


def _bad_query(errors: list[FieldError]) -> Problem:
    placed = [FieldError(pointer="/query" + each.pointer, detail=each.detail) for each in errors]
    return Problem(status=400, slug="bad-query", detail="the query is not acceptable", errors=placed)


async def read_body(raw: web.Request, model: type[M]) -> M:
    """Read the JSON body as the model; 413, 415, 400 for what is no JSON, 422 for what is no such model."""
    _check_type(raw)
    document = await _bounded(raw)
    _check_json(document)
    try:
        return model.model_validate_json(document, strict=True)
    except ValidationError as invalid:
        raise Refused(_bad_body(_field_errors(invalid))) from None


def _check_type(raw: web.Request) -> None:
    if raw.content_type != "application/json" or (raw.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
        raise Refused(
            of_status(415, "the body must be application/json in UTF-8", {"Accept": "application/json"})
        )


async def _bounded(raw: web.Request) -> bytes:
    # A declared length is believed when it is too much, so that nothing of it is read.
    if (raw.content_length or 0) > BODY_BYTES_MAX:
        raise web.HTTPRequestEntityTooLarge(BODY_BYTES_MAX)
    try:
        return await raw.read()
    except ConnectionError:
        raise Refused(of_status(400, "the body did not arrive whole")) from None


def _check_json(document: bytes) -> None:
    try:
        value = orjson.loads(document.decode())
    except UnicodeDecodeError as broken:
        raise Refused(_malformed(f"the body is not UTF-8 at byte {broken.start}")) from None
    except orjson.JSONDecodeError as broken:
        where = f"line {broken.lineno}, column {broken.colno}"
        raise Refused(_malformed(f"the body is not JSON at {where}: {broken.msg}")) from None
    # Raw NULs are no JSON, so an escaped one is all that has to be looked for; PostgreSQL cannot hold it.
    if b"\\u0000" in document and (nuls := [_join(place) for place in _nuls(value, ())]):
        errors = [FieldError(pointer=place, detail="the text holds a NUL character") for place in nuls]
        raise Refused(_bad_body(errors[:_ERRORS_MAX]))


def _nuls(value: object, place: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if len(place) > _DEPTH_MAX:
        return  # the model's parser will refuse it for its depth, which calls could not follow
    match value:
        case str() if "\0" in value:
            yield place
        case dict():
            for name, each in value.items():
                yield from _nuls(name, (*place, name))
                yield from _nuls(each, (*place, name))
        case list():
            for index, each in enumerate(value):
                yield from _nuls(each, (*place, index))


def _malformed(detail: str) -> Problem:
    return Problem(status=400, slug="malformed-json", detail=detail)


def _bad_body(errors: list[FieldError]) -> Problem:
    return Problem(status=422, slug="bad-body", detail="the body is not acceptable", errors=errors)


def _field_errors(invalid: ValidationError) -> list[FieldError]:
    details = invalid.errors(include_url=False, include_context=False, include_input=False)
    return [FieldError(pointer=_join(each["loc"]), detail=_say(each)) for each in details[:_ERRORS_MAX]]


def _say(details: ErrorDetails) -> str:
    match details["type"]:
        case "extra_forbidden":
            return "there is no such field"
        case "missing":
            return "it is required"
        case _:
            return details["msg"].removeprefix("Value error, ")


def _join(place: tuple[str | int, ...]) -> str:
    # pydantic marks a fault of a mapping's key, rather than its value, with a last "[key]".
    return "".join(_pointer(part) for part in place if part != "[key]")


def _pointer(part: str | int) -> str:
    return "/" + str(part).replace("~", "~0").replace("/", "~1")
