"""The outline of a value that nobody could understand: what can be said of it without any secret."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import orjson

from keyfold.domain.access.decision import Reason
from keyfold.domain.permissions import ACCESS_WORDS, CATEGORIES

Form = Literal["nothing", "json_object", "json", "text", "bytes"]
Shown: TypeAlias = str | int | bool | None
_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The form of a value, and of a JSON object those members that are ours and have their proper form.

    The other members may be anything, and are left out: `left_out` is their number.
    """

    form: Form
    members: Mapping[str, Shown] = field(default_factory=dict)
    left_out: int = 0


def outline(value: bytes | None) -> Outline:
    """Return the outline of a value; a long one is outlined as bytes."""
    if value is None:
        return Outline(form="nothing")
    if len(value) > _BYTES_MAX:
        return Outline(form="bytes")
    try:
        document = orjson.loads(value)
    except ValueError:
        return Outline(form="text" if _is_text(value) else "bytes")
    if not isinstance(document, dict):
        return Outline(form="json")
    members = {
        name: document[name] for name, fits in _FITS.items() if name in document and fits(document[name])
    }
    return Outline(form="json_object", members=members, left_out=len(document) - len(members))


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _matches(pattern: str) -> Callable[[object], bool]:
    form = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


def _is_one_of(*words: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in words


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


_is_uuid: Final = _matches(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_is_time: Final = _matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_is_key: Final = _matches(r"key_[0-9A-Za-z]{12}")
# None of these has room for a secret: a key has 62 characters after its kind, and no id has more than 12.
_FITS: Final[Mapping[str, Callable[[object], bool]]] = {
    "event_id": _is_uuid,
    "at": _is_time,
    "account_id": _matches(r"acc_[0-9A-Za-z]{12}"),
    "key_id": _is_key,
    "vendor_id": _matches(r"ven_[0-9A-Za-z]{12}"),
    "vendor_key_id": _is_key,
    "category": _is_one_of(*CATEGORIES),
    "access": _is_one_of(*ACCESS_WORDS),
    "decision": _is_one_of("allow", "deny"),
    "reason": _is_one_of(*Reason),
    "position": _is_number,
    "gatekeeper": _is_uuid,
    "seq": _is_number,
    "last_seq": _is_number,
    "requests": _is_number,
}
