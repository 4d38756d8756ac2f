"""A request that passes, and the same one with any faults that a request, a key or a vendor can have."""

from collections.abc import Set
from datetime import datetime
from hashlib import sha256

from msgspec import structs
from msgspec.structs import replace

from keyfold.domain.access.decision import AccessRequest, Decision, Reason, decide_access
from keyfold.domain.access.key_proof import MALFORMED, Credential, Presented
from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_key import VendorKey
from keyfold.domain.network import parse_network
from keyfold.domain.permissions import NO_PERMISSIONS, Access, Category, Permissions
from keyfold.domain.secret import REPLACED_BYTES
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
WRONG = bytes(32)
VENDOR_CREDENTIAL = Credential(VENDOR_KEY.key_id, VENDOR_KEY.digest)
CREDENTIAL = Credential(KEY.key_id, KEY.digest)
REQUEST = AccessRequest(
    vendor_key=VENDOR_CREDENTIAL,
    subscriber_key=CREDENTIAL,
    method="DELETE",
    target="/v1/appointment/7?a=b",
    client_ip="203.0.113.7",
)
ALLOWED = Decision(
    reason=None,
    account_id=KEY.account_id,
    key_id=KEY.key_id,
    vendor_id=APPROVED.vendor_id,
    vendor_key_id=VENDOR_KEY.key_id,
    category=Category.APPOINTMENT,
    access=Access.WRITE,
)
REPLACED = sha256(b"replaced").digest()


def decide_with(
    request: AccessRequest = REQUEST,
    *,
    account: Account = OPEN,
    vendor: Vendor = APPROVED,
    vendor_key: VendorKey = VENDOR_KEY,
    key: SubscriberKey = KEY,
    now: datetime = NOW,
    lease_held: bool = True,
) -> Decision:
    """Decide a request that would pass, but for what is given."""
    state = State()
    replaced = (REPLACED[-REPLACED_BYTES:],)
    rotated = replace(vendor_key, replaced=replaced), replace(key, replaced=replaced)
    for aggregate in (account, vendor, *rotated):
        state.put(aggregate)
    return decide_access(request, state, ROUTES, now, lease_held=lease_held)


def request_with(faults: Set[Reason]) -> AccessRequest:
    """Return the request that carries every one of the faults that a request can have."""
    vendor_key: Presented = VENDOR_CREDENTIAL
    subscriber_key: Presented = CREDENTIAL
    if Reason.VENDOR_KEY_REPLACED in faults:
        vendor_key = structs.replace(VENDOR_CREDENTIAL, digest=REPLACED)
    if Reason.SUBSCRIBER_KEY_REPLACED in faults:
        subscriber_key = structs.replace(CREDENTIAL, digest=REPLACED)
    if Reason.UNKNOWN_VENDOR_KEY in faults:
        vendor_key = structs.replace(VENDOR_CREDENTIAL, digest=WRONG)
    if Reason.UNKNOWN_SUBSCRIBER_KEY in faults:
        subscriber_key = structs.replace(CREDENTIAL, digest=WRONG)
    if Reason.MALFORMED_KEY in faults:
        vendor_key = MALFORMED
    if Reason.MISSING_SUBSCRIBER_KEY in faults:
        subscriber_key = None
    if Reason.MISSING_VENDOR_KEY in faults:
        vendor_key = None
    unmapped = "/v2/x" if Reason.UNMAPPED_ROUTE in faults else REQUEST.target
    target = None if Reason.AMBIGUOUS_REQUEST in faults else unmapped
    client_ip = "198.51.100.7" if Reason.NETWORK_NOT_ALLOWED in faults else REQUEST.client_ip
    return structs.replace(
        REQUEST, vendor_key=vendor_key, subscriber_key=subscriber_key, target=target, client_ip=client_ip
    )


def key_with(faults: Set[Reason]) -> SubscriberKey:
    """Return a subscriber key with every one of these faults that a key can have."""
    if Reason.SUBSCRIBER_KEY_REVOKED in faults:
        return REVOKED_KEY
    granted = Access.READ if Reason.READ_ONLY in faults else Access.WRITE
    return replace(
        KEY,
        permissions=NO_PERMISSIONS
        if Reason.CATEGORY_DENIED in faults
        else Permissions.of({Category.APPOINTMENT: granted}),
        expires_at=EARLIER if Reason.SUBSCRIBER_KEY_EXPIRED in faults else LATER,
        networks=(parse_network("203.0.113.0/24"),),
        vendor_ids=(VendorId("ven_2"),) if Reason.VENDOR_NOT_PERMITTED in faults else (APPROVED.vendor_id,),
    )


def reason_with(faults: Set[Reason]) -> Reason | None:
    """Return the reason given where all of these faults hold at once."""
    return decide_with(
        request_with(faults),
        account=SHUT if Reason.INTEGRATIONS_DISABLED in faults else OPEN,
        vendor=SUSPENDED if Reason.VENDOR_SUSPENDED in faults else APPROVED,
        vendor_key=REVOKED_VENDOR_KEY if Reason.VENDOR_KEY_REVOKED in faults else VENDOR_KEY,
        key=key_with(faults),
        lease_held=Reason.STALE not in faults,
    ).reason
