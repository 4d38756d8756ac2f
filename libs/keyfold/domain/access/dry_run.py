"""A dry run's case: keys found by id and a request, as values that a remedy can change."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from keyfold.domain.access.decision import Reason, judge
from keyfold.domain.access.route_map import RouteMap
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor, VendorState
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, VendorKey
from keyfold.domain.permissions import Access, Category


class DryRunRequest(Struct, frozen=True, kw_only=True, gc=False):
    """The request of a case: by path if `by_path`, else by category and access themselves.

    Unless `is_clear`, the path reads in more than one way; category and access are None if none is mapped,
    and if the route `is_public`.
    """

    category: Category | None
    access: Access | None
    is_clear: bool = True
    by_path: bool = False
    is_public: bool = False


class DryRunCase(Struct, frozen=True, kw_only=True, gc=False):
    """The keys, their account and vendor, and the request; a key is None if no key has its id.

    `by_vendor` says that a vendor was named instead of a vendor key, and any key of it may be meant.
    """

    vendor_key: VendorKey | None
    subscriber_key: SubscriberKey | None
    vendors: Mapping[VendorId, Vendor]
    accounts: Mapping[AccountId, Account]
    request: DryRunRequest
    client_ip: str | None
    now: datetime
    lease_held: bool
    by_vendor: bool = False

    def judge(self) -> Reason | None:
        """Return the decision's reason, None for an allow."""
        if self.request.is_public:
            return None
        return judge(
            self.vendor_key,
            self.subscriber_key,
            self,
            client_ip=self.client_ip,
            is_clear=self.request.is_clear,
            category=self.request.category,
            access=self.request.access,
            now=self.now,
            lease_held=self.lease_held,
        )


def request_by_path(method: str, target: str, route_map: RouteMap) -> DryRunRequest:
    """Return the request that a method on a path stands for."""
    asked = route_map.read(method, target)
    return DryRunRequest(
        category=asked.category,
        access=asked.access,
        is_clear=asked.is_clear,
        by_path=True,
        is_public=asked.is_public,
    )


def find_case(
    state: State,
    subscriber_key_id: KeyId,
    vendor: KeyId | VendorId,
    *,
    by_vendor: bool,
    request: DryRunRequest,
    client_ip: str | None,
    now: datetime,
    lease_held: bool,
    approved_alone: bool = False,
) -> DryRunCase:
    """Return the case that the ids name; `vendor` is a vendor's id if `by_vendor`, else a vendor key's.

    If `approved_alone`, a vendor that is not approved and its keys do not exist for whoever asks.
    """
    subscriber_key = state.subscriber_key(subscriber_key_id)
    vendor_key = _any_key(state, VendorId(vendor)) if by_vendor else state.vendor_key(KeyId(vendor))
    if vendor_key is not None and approved_alone and not _is_approved(state, vendor_key.vendor_id):
        vendor_key = None
    return DryRunCase(
        vendor_key=vendor_key,
        subscriber_key=subscriber_key,
        vendors={} if vendor_key is None else {vendor_key.vendor_id: state.vendors[vendor_key.vendor_id]},
        accounts={}
        if subscriber_key is None
        else {subscriber_key.account_id: state.accounts[subscriber_key.account_id]},
        request=request,
        client_ip=client_ip,
        now=now,
        lease_held=lease_held,
        by_vendor=by_vendor,
    )


def _is_approved(state: State, vendor_id: VendorId) -> bool:
    return state.vendors[vendor_id].state is VendorState.APPROVED


def _any_key(state: State, vendor_id: VendorId) -> ActiveVendorKey | None:
    return any_vendor_key(vendor_id) if vendor_id in state.vendors else None


def any_vendor_key(vendor_id: VendorId) -> ActiveVendorKey:
    """Return a stand-in for any key of a vendor, which nobody can present."""
    return ActiveVendorKey(
        key_id=KeyId(""),
        vendor_id=vendor_id,
        digest=b"",
        secret_hint="",
        outgoing=None,
        issued_at=datetime.min,
    )
