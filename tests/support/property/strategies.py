"""Strategies for the domain's values, built from the dataclasses themselves."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, EventId, InvitationId, KeyId, LoginId, VendorId
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.network import Network
from keyfold.domain.permissions import CATEGORIES, Access, Category, Permissions
from keyfold.domain.rate_limit import BURST_MAX, PER_S_MAX, REQUESTS_MAX, RateLimit
from keyfold.domain.secret import REPLACED_BYTES, REPLACED_MAX
from keyfold.wire.access.codec import EVENT_REQUESTS_MAX, POLICY_MAX
from keyfold.wire.events.chain import Row
from keyfold.wire.events.codec import TYPE_NAMES
from keyfold.wire.events.upcasting import SCHEMA_VERSION

EVENT_CLASSES = sorted(TYPE_NAMES, key=lambda event_class: event_class.__name__)
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
words = texts.filter(bool)
times = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))
digests = st.binary(min_size=32, max_size=32)
replaced = st.lists(st.binary(min_size=REPLACED_BYTES, max_size=REPLACED_BYTES), max_size=REPLACED_MAX).map(
    tuple
)
accesses = st.sampled_from(Access)
permissions = st.tuples(*[accesses for _ in CATEGORIES]).map(Permissions)
counts = st.integers(min_value=0, max_value=2**63 - 2)
networks_v4 = st.tuples(st.ip_addresses(v=4), st.integers(0, 32)).map(
    lambda parts: IPv4Network(parts, strict=False)
)
networks_v6 = st.tuples(st.ip_addresses(v=6), st.integers(0, 128)).map(
    lambda parts: IPv6Network(parts, strict=False)
)
networks: st.SearchStrategy[Network] = networks_v4 | networks_v6.filter(
    lambda network: network.network_address.ipv4_mapped is None
)
rate_limits = st.builds(
    RateLimit,
    requests=st.integers(1, REQUESTS_MAX),
    per_s=st.integers(1, PER_S_MAX),
    burst=st.integers(1, BURST_MAX),
)
event_ids = st.uuids().map(lambda value: EventId(str(value)))


def ids(prefix: str, kind: Callable[[str], Any]) -> st.SearchStrategy[Any]:
    """Return ids of a kind: the prefix and twelve characters."""
    return st.text(BASE62, min_size=12, max_size=12).map(lambda text: kind(prefix + text))


_PLAIN: dict[object, st.SearchStrategy[Any]] = {
    AccountId: ids("acc_", AccountId),
    VendorId: ids("ven_", VendorId),
    KeyId: ids("key_", KeyId),
    LoginId: ids("log_", LoginId),
    InvitationId: ids("inv_", InvitationId),
    EventId: event_ids,
    Permissions: permissions,
    Network: networks,
    RateLimit: rate_limits,
    str: texts,
    bool: st.booleans(),
    bytes: digests,
    datetime: times,
    int: counts,
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return every value that a field of this type may hold."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if get_origin(hint) in (Union, UnionType):
        return st.one_of([values_of(part) for part in get_args(hint)])
    if hint is NoneType:
        return st.none()
    if get_origin(hint) is tuple:
        return st.lists(values_of(get_args(hint)[0]), max_size=4).map(tuple)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and issubclass(hint, Struct):
        return instances_of(hint)
    raise AssertionError(f"no strategy for {hint}")


def instances_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Return every value of a struct or named tuple, field by field."""
    fields = {name: values_of(hint) for name, hint in get_type_hints(kind).items()}
    return st.builds(kind, **{**fields, **({"replaced": replaced} if "replaced" in fields else {})})


lifecycle_events: st.SearchStrategy[LifecycleEvent] = st.sampled_from(EVENT_CLASSES).flatmap(instances_of)
access_events: st.SearchStrategy[AccessEvent] = st.builds(
    lambda event, category, reason, requests, policy: replace(
        event, category=category, reason=reason, requests=requests, policy=policy, more=None
    ),
    instances_of(AccessEvent),
    st.none() | st.sampled_from(Category) | words,
    st.none() | st.sampled_from(Reason) | words,
    st.just(1) | st.integers(1, EVENT_REQUESTS_MAX),
    st.none() | st.integers(1, POLICY_MAX),
)
rows: st.SearchStrategy[Row] = st.builds(
    Row,
    position=st.integers(1, 10**18 - 1),
    stream=texts,
    version=st.integers(1, 10**18 - 1),
    event_id=event_ids,
    type=st.sampled_from(sorted(TYPE_NAMES.values())),
    schema_version=st.just(SCHEMA_VERSION),
    data=texts,
    actor_role=texts,
    actor_subject=texts,
    request_id=texts,
    recorded_at=st.just("2026-03-01T09:30:00.000001Z"),
    traceparent=st.none() | texts,
)
