"""The decision: may this request pass? Allow, or deny with exactly one reason."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from libs.domain.ids import AccountId, KeyId, VendorId
from libs.domain.network import is_within
from libs.domain.permissions import Access, Category
from libs.domain.request_path import normalise
from libs.domain.route_map import Route, RouteMap
from libs.domain.state import State
from libs.domain.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, SubscriberKey
from libs.domain.vendor import VendorState
from libs.domain.vendor_key import ActiveVendorKey, RevokedVendorKey, VendorKey


class Reason(StrEnum):
    """Why a request is denied, in the order in which it is checked."""

    MISSING_VENDOR_KEY = "missing_vendor_key"
    MISSING_SUBSCRIBER_KEY = "missing_subscriber_key"
    MALFORMED_KEY = "malformed_key"
    UNKNOWN_VENDOR_KEY = "unknown_vendor_key"
    UNKNOWN_SUBSCRIBER_KEY = "unknown_subscriber_key"
    VENDOR_KEY_REVOKED = "vendor_key_revoked"
    VENDOR_SUSPENDED = "vendor_suspended"
    SUBSCRIBER_KEY_REVOKED = "subscriber_key_revoked"
    SUBSCRIBER_KEY_EXPIRED = "subscriber_key_expired"
    NETWORK_NOT_ALLOWED = "network_not_allowed"
    INTEGRATIONS_DISABLED = "integrations_disabled"
    VENDOR_NOT_PERMITTED = "vendor_not_permitted"
    AMBIGUOUS_REQUEST = "ambiguous_request"
    UNMAPPED_ROUTE = "unmapped_route"
    CATEGORY_DENIED = "category_denied"
    READ_ONLY = "read_only"
    STALE = "stale"


_Found = TypeVar("_Found", bound=SubscriberKey | VendorKey | None)
_UNAUTHENTICATED = frozenset(list(Reason)[: list(Reason).index(Reason.NETWORK_NOT_ALLOWED)])


def status_of(reason: Reason | None) -> int:
    """Return the HTTP status that a decision is answered with: 200, 401, 403 or 503."""
    if reason is None:
        return 200
    if reason is Reason.STALE:
        return 503
    return 401 if reason in _UNAUTHENTICATED else 403


@dataclass(frozen=True, slots=True)
class Credential:
    """A well-formed key as presented: the id that it names and the SHA-256 digest of all of it, 32 bytes."""

    key_id: KeyId
    digest: bytes


class Malformed(StrEnum):
    """A key that is there but no key: a wrong prefix, length, character or checksum."""

    MALFORMED = "malformed"


MALFORMED = Malformed.MALFORMED
Presented = Credential | Malformed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a gateway asks about. `target` is None where it cannot be told what the original request was.

    `client_ip` is the client's address as the gateway reports it, None where it reports none.
    """

    vendor_key: Presented
    subscriber_key: Presented
    method: str
    target: str | None
    client_ip: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Allow when `reason` is None. The ids are those of keys that were proven, never merely claimed."""

    reason: Reason | None
    account_id: AccountId | None = None
    key_id: KeyId | None = None
    vendor_id: VendorId | None = None
    vendor_key_id: KeyId | None = None
    category: Category | None = None
    access: Access | None = None


def decide_access(
    request: Request, state: State | None, route_map: RouteMap, now: datetime, *, lease_held: bool
) -> Decision:
    """Decide one request. `state` is None while none has been loaded; `now` is only compared with expiries.

    Without a lease the state may lack a revocation, so what would be allowed is denied as `stale`.
    """
    if (reason := _unusable(request)) is not None:
        return Decision(reason=reason)
    if state is None:
        return Decision(reason=Reason.STALE)
    vendor_key = _proven(request.vendor_key, state.vendor_key, now)
    subscriber_key = _proven(request.subscriber_key, state.subscriber_key, now)
    segments = None if request.target is None else normalise(request.target)
    route = None if segments is None else route_map.match(segments)
    access = None if route is None else route.access(request.method)
    reason = (
        _key_reason(vendor_key, subscriber_key, request.client_ip, state, now)
        or _request_reason(subscriber_key, is_clear=segments is not None, route=route, access=access)
        or (None if lease_held else Reason.STALE)
    )
    return Decision(
        reason=reason,
        account_id=subscriber_key.account_id if subscriber_key else None,
        key_id=subscriber_key.key_id if subscriber_key else None,
        vendor_id=vendor_key.vendor_id if vendor_key else None,
        vendor_key_id=vendor_key.key_id if vendor_key else None,
        category=route.category if route else None,
        access=access,
    )


def _unusable(request: Request) -> Reason | None:
    if request.vendor_key is None:
        return Reason.MISSING_VENDOR_KEY
    if request.subscriber_key is None:
        return Reason.MISSING_SUBSCRIBER_KEY
    if request.vendor_key is MALFORMED or request.subscriber_key is MALFORMED:
        return Reason.MALFORMED_KEY
    return None


def _proven(presented: Presented, find: Callable[[KeyId], _Found], now: datetime) -> _Found | None:
    """Return the key whose secret was presented: the id finds it, the digest proves it, in constant time."""
    if not isinstance(presented, Credential):
        return None
    key = find(presented.key_id)
    if key is None:
        return None
    if hmac.compare_digest(key.digest, presented.digest):
        return key
    outgoing = key.outgoing if isinstance(key, ActiveSubscriberKey | ActiveVendorKey) else None
    if (
        outgoing is not None
        and hmac.compare_digest(outgoing.digest, presented.digest)
        and outgoing.works(now)
    ):
        return key
    return None


def _key_reason(
    vendor_key: VendorKey | None,
    subscriber_key: SubscriberKey | None,
    client_ip: str | None,
    state: State,
    now: datetime,
) -> Reason | None:
    if vendor_key is None:
        return Reason.UNKNOWN_VENDOR_KEY
    if subscriber_key is None:
        return Reason.UNKNOWN_SUBSCRIBER_KEY
    if isinstance(vendor_key, RevokedVendorKey):
        return Reason.VENDOR_KEY_REVOKED
    if state.vendors[vendor_key.vendor_id].state is not VendorState.APPROVED:
        return Reason.VENDOR_SUSPENDED
    if isinstance(subscriber_key, RevokedSubscriberKey):
        return Reason.SUBSCRIBER_KEY_REVOKED
    if subscriber_key.is_expired(now):
        return Reason.SUBSCRIBER_KEY_EXPIRED
    if subscriber_key.networks is not None and not is_within(client_ip, subscriber_key.networks):
        return Reason.NETWORK_NOT_ALLOWED
    if not state.accounts[subscriber_key.account_id].integrations_enabled:
        return Reason.INTEGRATIONS_DISABLED
    if subscriber_key.vendor_ids is not None and vendor_key.vendor_id not in subscriber_key.vendor_ids:
        return Reason.VENDOR_NOT_PERMITTED
    return None


def _request_reason(
    key: SubscriberKey | None, *, is_clear: bool, route: Route | None, access: Access | None
) -> Reason | None:
    if not is_clear:
        return Reason.AMBIGUOUS_REQUEST
    if route is None or access is None:
        return Reason.UNMAPPED_ROUTE
    granted = key.permissions[route.category] if isinstance(key, ActiveSubscriberKey) else Access.NONE
    if granted is Access.NONE:
        return Reason.CATEGORY_DENIED
    return Reason.READ_ONLY if granted < access else None
