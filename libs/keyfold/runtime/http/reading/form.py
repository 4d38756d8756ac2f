"""Reading a form: the parameters of a call that another standard lays down, as OAuth 2.0 does."""

from collections import Counter
from collections.abc import Iterator
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel

from keyfold.runtime.http.problem import FieldError, Refused, bad_body, of_status, pointer_to

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_PARAMETERS_MAX: Final = 32

M = TypeVar("M", bound=BaseModel)


def read_form(document: bytes, model: type[M]) -> dict[str, str]:
    """Return the model's parameters from a form, or refuse what is none or says one of them twice.

    What the model does not know is left out, for a client may send what it sends to every such server
    (RFC 6749, section 3.2).
    """
    given = [(name, value) for name, value in _parameters(document) if name in model.model_fields]
    if faults := list(_faults(given)):
        raise Refused(bad_body(faults))
    return dict(given)


def _parameters(document: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            document.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(document),
            errors="strict",
            max_num_fields=_PARAMETERS_MAX,
        )
    except ValueError:  # a broken encoding too, which a decoder may quote: nothing of it is repeated
        raise Refused(of_status(400, "the body is not a form of UTF-8 text")) from None


def _faults(given: list[tuple[str, str]]) -> Iterator[FieldError]:
    for name, uses in Counter(name for name, _ in given).items():
        if uses > 1:
            yield FieldError(pointer=pointer_to((name,)), detail=f"it is given {uses} times")
    for name, value in given:
        if "\0" in value:
            yield FieldError(pointer=pointer_to((name,)), detail="the text holds a NUL character")
