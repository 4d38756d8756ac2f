"""The decision: may this request pass? Allow, or deny with exactly one reason."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from keyfold.domain.access.key_proof import (
    MALFORMED,
    Presented,
    SubscriberProof,
    VendorProof,
    prove_subscriber_key,
    prove_vendor_key,
)
from keyfold.domain.access.route_map import UNCLEAR, RouteMap
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import (
    ActiveSubscriberKey,
    ReplacedSubscriberSecret,
    RevokedSubscriberKey,
)
from keyfold.domain.lifecycle.vendor import Vendor, VendorState
from keyfold.domain.lifecycle.vendor_key import (
    ActiveVendorKey,
    ReplacedVendorSecret,
    RevokedVendorKey,
)
from keyfold.domain.network import is_within
from keyfold.domain.permissions import Access, Category


class Reason(StrEnum):
    """Why a request is denied, in the order in which it is checked."""

    MISSING_VENDOR_KEY = "missing_vendor_key"
    MISSING_SUBSCRIBER_KEY = "missing_subscriber_key"
    MALFORMED_KEY = "malformed_key"
    UNKNOWN_VENDOR_KEY = "unknown_vendor_key"
    UNKNOWN_SUBSCRIBER_KEY = "unknown_subscriber_key"
    VENDOR_KEY_REPLACED = "vendor_key_replaced"
    SUBSCRIBER_KEY_REPLACED = "subscriber_key_replaced"
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
    RATE_LIMITED = "rate_limited"


UNRECOGNISED: Final = frozenset(
    {
        Reason.MISSING_VENDOR_KEY,
        Reason.MISSING_SUBSCRIBER_KEY,
        Reason.MALFORMED_KEY,
        Reason.UNKNOWN_VENDOR_KEY,
        Reason.UNKNOWN_SUBSCRIBER_KEY,
        Reason.VENDOR_KEY_REPLACED,
        Reason.SUBSCRIBER_KEY_REPLACED,
        Reason.VENDOR_KEY_REVOKED,
        Reason.VENDOR_SUSPENDED,
        Reason.SUBSCRIBER_KEY_REVOKED,
        Reason.SUBSCRIBER_KEY_EXPIRED,
    }
)
"""Reasons of a request whose keys are not both present and in force: such a request does not use a key."""


class AccessRequest(Struct, frozen=True, gc=False):
    """What a gateway asks about. `target` is None if the original request is not known for certain.

    `client_ip` is the client's address as the gateway reports it, None if it reports none.
    """

    vendor_key: Presented
    subscriber_key: Presented
    method: str
    target: str | None
    client_ip: str | None


class Decision(Struct, frozen=True, gc=False):
    """Allow when `reason` is None. The ids are those of proven keys, never of merely claimed ones.

    `is_dead` says that a key was proven and none works: each is revoked, or its secret was replaced.
    `is_public` says that the route is public, so that no key was looked at and none is named.
    """

    reason: Reason | None
    account_id: AccountId | None = None
    key_id: KeyId | None = None
    vendor_id: VendorId | None = None
    vendor_key_id: KeyId | None = None
    category: Category | None = None
    access: Access | None = None
    is_dead: bool = False
    is_public: bool = False


PUBLIC: Final = Decision(reason=None, is_public=True)
"""The decision on requests for a public route: it depends on no key, so it needs no state and no lease."""


class Standings(Protocol):
    """The accounts and vendors that the judged keys belong to, at least."""

    @property
    def accounts(self) -> Mapping[AccountId, Account]:
        """Accounts by id."""
        ...

    @property
    def vendors(self) -> Mapping[VendorId, Vendor]:
        """Vendors by id."""
        ...


def decide_access(
    request: AccessRequest, state: State | None, route_map: RouteMap, now: datetime, *, lease_held: bool
) -> Decision:
    """Decide one request. `state` is None until one is loaded; `now` is only compared with expiries.

    Without a lease the state may lack a revocation, so a request that would be allowed is denied as `stale`.
    One key alone opens nothing, but a proven one is named in the decision. A public route is allowed before
    anything else is looked at.
    """
    asked = UNCLEAR if request.target is None else route_map.read(request.method, request.target)
    if asked.is_public:
        return PUBLIC
    unusable = _find_unusable(request)
    if state is None:
        return Decision(reason=unusable or Reason.STALE)
    vendor_key = prove_vendor_key(request.vendor_key, state, now)
    subscriber_key = prove_subscriber_key(request.subscriber_key, state, now)
    if unusable is not None and vendor_key is None and subscriber_key is None:
        return Decision(reason=unusable)
    category, access = asked.category, asked.access
    reason = unusable or judge(
        vendor_key,
        subscriber_key,
        state,
        client_ip=request.client_ip,
        is_clear=asked.is_clear,
        category=category,
        access=access,
        now=now,
        lease_held=lease_held,
    )
    return Decision(
        reason,
        subscriber_key.account_id if subscriber_key else None,
        subscriber_key.key_id if subscriber_key else None,
        vendor_key.vendor_id if vendor_key else None,
        vendor_key.key_id if vendor_key else None,
        category,
        access,
        _are_dead(vendor_key, subscriber_key),
    )


def judge(
    vendor_key: VendorProof | None,
    subscriber_key: SubscriberProof | None,
    standing: Standings,
    *,
    client_ip: str | None,
    is_clear: bool,
    category: Category | None,
    access: Access | None,
    now: datetime,
    lease_held: bool,
) -> Reason | None:
    """Return why these keys may not do this, or None if they may; the keys are proven, or supposed to be.

    A key is None if there is none to judge. `category` and `access` are None if no route is mapped.
    """
    return (
        judge_keys(vendor_key, subscriber_key, standing, client_ip, now)
        or judge_request(subscriber_key, is_clear, category, access)
        or (None if lease_held else Reason.STALE)
    )


def _find_unusable(request: AccessRequest) -> Reason | None:
    if request.vendor_key is None:
        return Reason.MISSING_VENDOR_KEY
    if request.subscriber_key is None:
        return Reason.MISSING_SUBSCRIBER_KEY
    if request.vendor_key is MALFORMED or request.subscriber_key is MALFORMED:
        return Reason.MALFORMED_KEY
    return None


def _are_dead(vendor_key: VendorProof | None, subscriber_key: SubscriberProof | None) -> bool:
    if isinstance(subscriber_key, ActiveSubscriberKey) or isinstance(vendor_key, ActiveVendorKey):
        return False
    return vendor_key is not None or subscriber_key is not None


def judge_keys(
    vendor_key: VendorProof | None,
    subscriber_key: SubscriberProof | None,
    standing: Standings,
    client_ip: str | None,
    now: datetime,
) -> Reason | None:
    """Return why these keys may do nothing from that address, or None if it depends on what is asked for."""
    if vendor_key is None:
        return Reason.UNKNOWN_VENDOR_KEY
    if subscriber_key is None:
        return Reason.UNKNOWN_SUBSCRIBER_KEY
    # A key's present state is shown only to holders of its present secret, so these checks come first.
    if isinstance(vendor_key, ReplacedVendorSecret):
        return Reason.VENDOR_KEY_REPLACED
    if isinstance(subscriber_key, ReplacedSubscriberSecret):
        return Reason.SUBSCRIBER_KEY_REPLACED
    if isinstance(vendor_key, RevokedVendorKey):
        return Reason.VENDOR_KEY_REVOKED
    if standing.vendors[vendor_key.vendor_id].state is not VendorState.APPROVED:
        return Reason.VENDOR_SUSPENDED
    if isinstance(subscriber_key, RevokedSubscriberKey):
        return Reason.SUBSCRIBER_KEY_REVOKED
    if subscriber_key.is_expired(now):
        return Reason.SUBSCRIBER_KEY_EXPIRED
    if subscriber_key.networks is not None and not is_within(client_ip, subscriber_key.networks):
        return Reason.NETWORK_NOT_ALLOWED
    if not standing.accounts[subscriber_key.account_id].integrations_enabled:
        return Reason.INTEGRATIONS_DISABLED
    if subscriber_key.vendor_ids is not None and vendor_key.vendor_id not in subscriber_key.vendor_ids:
        return Reason.VENDOR_NOT_PERMITTED
    return None


def judge_request(
    key: SubscriberProof | None, is_clear: bool, category: Category | None, access: Access | None
) -> Reason | None:
    """Return why a working key may not do this, or None if it may."""
    if not is_clear:
        return Reason.AMBIGUOUS_REQUEST
    if category is None or access is None:
        return Reason.UNMAPPED_ROUTE
    granted = key.permissions[category] if isinstance(key, ActiveSubscriberKey) else Access.NONE
    if granted is Access.NONE:
        return Reason.CATEGORY_DENIED
    return Reason.READ_ONLY if granted < access else None
