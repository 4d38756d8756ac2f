"""Reading a form: the parameters of a call that another standard defines, such as OAuth 2.0."""

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
    """Return the model's parameters from a form. Raises Refused if it is no form or repeats one of them.

    Parameters that the model does not know are left out: a client may send to us what it sends to every such
    server (RFC 6749, section 3.2).
    """
    given = [(name, value) for name, value in _parameters(document) if name in model.model_fields]
    if faults := list(_find_faults(given)):
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
    except ValueError:  # also a broken encoding; the decoder may quote the body, so its text is not repeated
        raise Refused(of_status(400, "the body is not a form of UTF-8 text")) from None


def _find_faults(given: list[tuple[str, str]]) -> Iterator[FieldError]:
    for name, uses in Counter(name for name, _ in given).items():
        if uses > 1:
            yield FieldError(pointer=pointer_to((name,)), detail=f"it is given {uses} times")
    for name, value in given:
        if "\0" in value:
            yield FieldError(pointer=pointer_to((name,)), detail="the text holds a NUL character")
