"""Lifecycle events as JSON: type by type, field by field, with nothing guessed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from types import NoneType
from typing import Any, NewType, get_args, get_origin, get_type_hints

import orjson
from msgspec.structs import fields

from keyfold.domain.lifecycle.aggregates import EVENT_TYPES
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.network import Network, parse_network
from keyfold.domain.permissions import CATEGORIES, Access, Permissions
from keyfold.domain.rate_limit import RateLimit
from keyfold.wire.events.upcasting import SCHEMA_VERSION, upcast
from keyfold.wire.timestamp import format_time, parse_time

TYPE_NAMES: Mapping[type[LifecycleEvent], str] = {
    event_class: event_type.name for event_class, event_type in EVENT_TYPES.items()
}
"""The name of every event type in the ledger and on Kafka (CloudEvents `type`)."""


class UnknownEvent(Exception):
    """This code cannot understand an event; stop, as it may be a revocation."""


@dataclass(frozen=True, slots=True)
class _Field:
    """How one field's values become JSON and are read back."""

    dump: Callable[[Any], object]
    load: Callable[[Any], Any]


def encode_event(event: LifecycleEvent) -> tuple[str, str]:
    """Return an event's type name and its data as canonical JSON: keys sorted, no white space."""
    name = TYPE_NAMES[type(event)]
    data = {key: field.dump(getattr(event, key)) for key, field in _FIELDS[name].items()}
    return name, orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()


def decode_event(name: str, schema_version: int, data: str | bytes) -> LifecycleEvent:
    """Return the event of a type name and JSON data, which are upcast first if they are old.

    Raises UnknownEvent if in doubt.
    """
    if not 1 <= schema_version <= SCHEMA_VERSION or name not in _CLASSES:
        raise UnknownEvent(f"{name} in schema version {schema_version} is not known to this code")
    try:
        return _decode_fields(name, upcast(name, schema_version, orjson.loads(data)))
    except (ValueError, TypeError, KeyError, OverflowError) as fault:
        raise UnknownEvent(f"{name} does not hold what such an event holds: {fault}") from fault


def _decode_fields(name: str, data: object) -> LifecycleEvent:
    expected = _FIELDS[name]
    if not isinstance(data, dict) or data.keys() != expected.keys():
        raise ValueError(f"its fields must be {', '.join(sorted(expected))}")
    return _CLASSES[name](**{key: field.load(data[key]) for key, field in expected.items()})


def _field_for(hint: Any) -> _Field:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, NewType):
        return _field_for(hint.__supertype__)
    if get_origin(hint) is tuple:
        return _tuple_of(_field_for(get_args(hint)[0]))
    if NoneType in get_args(hint):
        return _optional(_field_for(get_args(hint)[0]))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _Field(str, hint)
    raise AssertionError(hint)


def _tuple_of(item: _Field) -> _Field:
    return _Field(
        lambda values: [item.dump(value) for value in values],
        lambda values: tuple(item.load(value) for value in _require(list, values)),
    )


def _optional(item: _Field) -> _Field:
    return _Field(
        lambda value: None if value is None else item.dump(value),
        lambda value: None if value is None else item.load(value),
    )


def _require(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value


def _load_digest(text: str) -> bytes:
    # `fromhex` also takes capitals and spaces, but an event must have only one text.
    digest = bytes.fromhex(text)
    if digest.hex() != text:
        raise ValueError("a digest is written in lower-case hexadecimal digits alone")
    return digest


def _load_permissions(words: dict[str, str]) -> Permissions:
    if _require(dict, words).keys() != _CATEGORIES:
        raise ValueError("permissions must name all seven categories")
    return _permissions(*(words[category] for category in CATEGORIES))


@lru_cache(maxsize=1024)  # very many keys share a few
def _permissions(*words: str) -> Permissions:
    return Permissions(tuple(map(Access.of, words)))


def _load_network(text: str) -> Network:
    network = parse_network(_require(str, text))
    if str(network) != text:
        raise ValueError("a network is written in its canonical form")
    return network


def _dump_rate_limit(limit: RateLimit) -> dict[str, int]:
    return {"requests": limit.requests, "per_s": limit.per_s, "burst": limit.burst}


def _load_rate_limit(numbers: dict[str, int]) -> RateLimit:
    return RateLimit(**_require(dict, numbers))


_PLAIN: dict[Any, _Field] = {
    int: _Field(int, lambda value: _require(int, value)),
    str: _Field(str, lambda value: _require(str, value)),
    bytes: _Field(bytes.hex, _load_digest),
    datetime: _Field(format_time, parse_time),
    Network: _Field(str, _load_network),
    Permissions: _Field(Permissions.as_words, _load_permissions),
    RateLimit: _Field(_dump_rate_limit, _load_rate_limit),
}
_CATEGORIES = frozenset(CATEGORIES)
_CLASSES = {name: event_class for event_class, name in TYPE_NAMES.items()}
_FIELDS = {
    name: {field.name: _field_for(get_type_hints(event_class)[field.name]) for field in fields(event_class)}
    for name, event_class in _CLASSES.items()
}
