"""Cases with any combination of their faults, for tests of what is said about them."""

from __future__ import annotations

from collections.abc import Set

from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.dry_run import DryRunCase, DryRunRequest, find_case, request_by_path
from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.domain.ids import KeyId, VendorId
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.domain.network import parse_network
from keyfold.domain.permissions import NO_PERMISSIONS, Access, Category, Permissions
from tests.support.domain.given import (
    APPROVED,
    EARLIER,
    KEY,
    LATER,
    NOW,
    OPEN,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    SHUT,
    SUSPENDED,
    VENDOR_KEY,
)

ROUTES = parse_route_map("/v1/appointment/** appointment POST=read\n/v1/patient/** patient\n")
NOT_OF_CASES = frozenset(
    {
        Reason.MISSING_VENDOR_KEY,
        Reason.MISSING_SUBSCRIBER_KEY,
        Reason.MALFORMED_KEY,
        Reason.VENDOR_KEY_REPLACED,
        Reason.SUBSCRIBER_KEY_REPLACED,
    }
)
FAULTS = tuple(
    reason
    for reason in Reason
    if reason not in NOT_OF_CASES and list(Reason).index(reason) <= list(Reason).index(Reason.STALE)
)
"""The reasons for which a case can be denied: its keys are found, not presented."""


def key_with(faults: Set[Reason]) -> SubscriberKey:
    """Return a subscriber key with every one of these faults that a key can have."""
    if Reason.SUBSCRIBER_KEY_REVOKED in faults:
        return REVOKED_KEY
    granted = Access.READ if Reason.READ_ONLY in faults else Access.WRITE
    permissions = Permissions.of({Category.APPOINTMENT: granted})
    return replace(
        KEY,
        permissions=NO_PERMISSIONS if Reason.CATEGORY_DENIED in faults else permissions,
        expires_at=EARLIER if Reason.SUBSCRIBER_KEY_EXPIRED in faults else LATER,
        networks=(parse_network("203.0.113.0/24"),),
        vendor_ids=(VendorId("ven_2"),) if Reason.VENDOR_NOT_PERMITTED in faults else (APPROVED.vendor_id,),
    )


def state_with(faults: Set[Reason]) -> State:
    """Return a state with every one of these faults that a state can have."""
    state = State()
    state.put(SHUT if Reason.INTEGRATIONS_DISABLED in faults else OPEN)
    state.put(SUSPENDED if Reason.VENDOR_SUSPENDED in faults else APPROVED)
    state.put(REVOKED_VENDOR_KEY if Reason.VENDOR_KEY_REVOKED in faults else VENDOR_KEY)
    state.put(key_with(faults))
    return state


def request_with(faults: Set[Reason]) -> DryRunRequest:
    """Return the request to delete an appointment, unless its path is one of the faults."""
    target = "/v2/x" if Reason.UNMAPPED_ROUTE in faults else "/v1/appointment/7"
    if Reason.AMBIGUOUS_REQUEST in faults:
        target = "/v1/appointment/../patient"
    return request_by_path("DELETE", target, ROUTES)


def case_with(faults: Set[Reason], *, by_vendor: bool = False) -> DryRunCase:
    """Return the case that would be allowed without these faults."""
    vendor = VENDOR_KEY.vendor_id if by_vendor else VENDOR_KEY.key_id
    return find_case(
        state_with(faults),
        KeyId("key_0") if Reason.UNKNOWN_SUBSCRIBER_KEY in faults else KEY.key_id,
        KeyId("key_0") if Reason.UNKNOWN_VENDOR_KEY in faults else vendor,
        by_vendor=by_vendor,
        request=request_with(faults),
        client_ip="198.51.100.7" if Reason.NETWORK_NOT_ALLOWED in faults else "203.0.113.7",
        now=NOW,
        lease_held=Reason.STALE not in faults,
    )
