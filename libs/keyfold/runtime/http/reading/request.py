"""Reading a request: its path, query and body become values, or a problem that says what is wrong."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import unquote_to_bytes

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web
from aiohttp.web_protocol import RequestPayloadError
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from keyfold.runtime.http.problem import FieldError, Problem, Refused, bad_body, of_status, pointer_to
from keyfold.runtime.http.reading import form
from keyfold.runtime.http.reading.json_text import check_json, take_apart
from keyfold.runtime.http.route import BODY_BYTES_MAX, Body

CONTINUE: Final = "100-continue"
"""The only expectation there is (RFC 9110, section 10.1.1): to be told whether to send the body."""

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(:[0-9]*)?", re.ASCII)
# A name has at most 253 and a port 6. What is looked at is remembered, so strangers must not make it long.
_HOST_CHARACTERS_MAX: Final = 512
_VERSIONS: Final = (HttpVersion10, HttpVersion11)
_JSON_SPACES: Final = b" \t\r\n"
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

M = TypeVar("M", bound=BaseModel)


class BodyTooSlow(RequestPayloadError):
    """A body takes longer to arrive than it may. Its connection closes after the answer."""


def is_host(text: str) -> bool:
    """Tell whether a Host header is a host with an optional port, or empty, as it may be (RFC 9110, 7.2)."""
    return len(text) <= _HOST_CHARACTERS_MAX and _has_form_of_host(text)


@lru_cache(maxsize=1024)  # the gatekeeper calls it for every request
def _has_form_of_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None


def check_head(raw: web.BaseRequest) -> None:
    """Refuse a version of HTTP other than 1.0 and 1.1, and an invalid Host (RFC 9112, section 3.2)."""
    if raw.version not in _VERSIONS:
        raise Refused(of_status(400, "the request is not HTTP/1.1"))
    if not is_host(raw.headers.get(hdrs.HOST, "")):
        raise Refused(of_status(400, "the Host header is not a host with an optional port"))


def check_target(raw: web.Request) -> None:
    """Refuse a path or query whose percent-encoding is broken, is not UTF-8, or hides a NUL."""
    target = raw.raw_path
    try:
        decoded = unquote_to_bytes(target).decode()
    except UnicodeError:
        raise Refused(of_status(400, "the path or query is not percent-encoded UTF-8")) from None
    if _BAD_ESCAPE.search(target) or "\0" in decoded:
        raise Refused(of_status(400, "the path or query holds a broken percent-encoding or a NUL"))


def read_query(raw: web.Request, model: type[M]) -> M:
    """Return the query string as the model. Raises Refused, which names each wrong parameter."""
    given = raw.rel_url.query
    repeated = sorted({name for name in given if len(given.getall(name)) > 1})
    if repeated:
        raise Refused(
            _bad_query([FieldError(pointer=pointer_to((name,)), detail="given twice") for name in repeated])
        )
    try:
        return model.model_validate(dict(given))
    except ValidationError as invalid:
        raise Refused(_bad_query(_field_errors(invalid))) from None


def _bad_query(errors: list[FieldError]) -> Problem:
    placed = [FieldError(pointer="/query" + each.pointer, detail=each.detail) for each in errors]
    return Problem(status=400, slug="bad-query", detail="the query is not acceptable", errors=placed)


def check_expectation(raw: web.Request) -> None:
    """Refuse any expectation but 100-continue."""
    if raw.headers.get(hdrs.EXPECT, CONTINUE).lower() != CONTINUE:
        raise Refused(of_status(417, f"the only expectation that is met is {CONTINUE}"))


async def read_body(raw: web.Request, model: type[M], kind: Body) -> M:
    """Return the body as the model. Raises Refused: 413, 415 or 400 for its form, 422 for its content."""
    _check_type(raw, kind.media_type)
    _check_encoding(raw)
    document = await _read_bounded(raw, kind.bytes_max)
    if len(document) > BODY_BYTES_MAX:
        # Parsing it here would keep all other requests waiting for tens of milliseconds.
        return await asyncio.to_thread(_parse_body, document, model, kind)
    return _parse_body(document, model, kind)


def _parse_body(document: bytes, model: type[M], kind: Body) -> M:
    with _refuse_faults():
        if kind.media_type == form.MEDIA_TYPE:
            return model.model_validate(form.read_form(document, model))
        if kind.apart is not None:
            whole, items = take_apart(document, kind.apart)
            return model.model_validate(whole).model_copy(update={kind.apart: items})
        return read_json(document, model)


def read_json(document: bytes, model: type[M]) -> M:
    """Return JSON as the model. Raises Refused, which says what is wrong and where."""
    check_json(document)
    with _refuse_faults():
        return model.model_validate_json(document, strict=True)


@contextmanager
def _refuse_faults() -> Iterator[None]:
    try:
        yield
    except ValidationError as invalid:
        raise Refused(bad_body(_field_errors(invalid))) from None


def _check_type(raw: web.Request, wanted: str) -> None:
    if raw.content_type != wanted or (raw.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
        raise Refused(of_status(415, f"the body must be {wanted} in UTF-8", {"Accept": wanted}))


async def refuse_body(raw: web.Request) -> None:
    """Refuse a body on a call that reads none, as its sender expects it to matter; `{}` is accepted."""
    document = await _read_bounded(raw, BODY_BYTES_MAX)
    if document.translate(None, _JSON_SPACES) not in (b"", b"{}"):
        detail = "this call takes no body: leave it out, or send {}"
        raise Refused(bad_body([FieldError(pointer="", detail=detail)]))


def _check_encoding(raw: web.Request) -> None:
    encodings = ",".join(raw.headers.getall("Content-Encoding", ["identity"]))
    if any(each.strip().lower() != "identity" for each in encodings.split(",")):
        raise Refused(of_status(415, "the body must not be compressed", {"Accept-Encoding": "identity"}))


async def _read_bounded(raw: web.Request, bytes_max: int) -> bytes:
    # A body that is declared too long is not read at all.
    if (raw.content_length or 0) > bytes_max:
        raise web.HTTPRequestEntityTooLarge(bytes_max)
    try:
        return await raw.clone(client_max_size=bytes_max + 1).read()
    except ConnectionError:
        raise Refused(of_status(400, "the body did not arrive whole")) from None


def _field_errors(invalid: ValidationError) -> list[FieldError]:
    """Return what pydantic found wrong, in our words and without what was sent."""
    details = invalid.errors(include_url=False, include_context=False, include_input=False)
    return [FieldError(pointer=_place(each), detail=_describe(each)) for each in details]


def _describe(details: ErrorDetails) -> str:
    match details["type"]:
        case "extra_forbidden":
            return "there is no such field"
        case "missing":
            return "it is required"
        case "model_type" | "dict_type":
            return "it is not an object"
        case "list_type":
            return "it is not an array"
        case _:
            return details["msg"].removeprefix("Value error, ")


def _place(details: ErrorDetails) -> str:
    # pydantic marks a fault of a mapping's key, rather than its value, with a last "[key]".
    place = details["loc"]
    return pointer_to(place[:-1] if place[-1:] == ("[key]",) else place)
