"""Finds the remedy of a denial: the one thing that would have to change, and the case after that change."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.dry_run import DryRunCase, DryRunRequest, any_vendor_key
from keyfold.domain.access.remedy import (
    CREATE_ANOTHER_KEY,
    ENABLE_INTEGRATIONS,
    EXPIRE_LATER,
    HEAR_THE_LEDGER,
    MAP_THE_ROUTE,
    REINSTATE,
    SEND_A_PLAIN_PATH,
    USE_ANOTHER_VENDOR_KEY,
    Mender,
    Remedy,
    admit,
    grant,
    name_networks,
    permit,
)
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor, VendorApplication, VendorState
from keyfold.domain.permissions import CATEGORIES, Access, Category, Permissions


class Outcome(StrEnum):
    """The outcome of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class RemedyStep(Struct, frozen=True, kw_only=True, gc=False):
    """What has to change, and the case as it would be then.

    `hides` has the checks that this failure makes unknown or not applicable.
    """

    remedy: Remedy
    case: DryRunCase
    hides: Mapping[Reason, Outcome] = field(default_factory=dict)


def find_remedy(reason: Reason, case: DryRunCase) -> RemedyStep:
    """Return the remedy of the reason for which a case is denied, and the case after it."""
    return _STEPS[reason](case)


_WRITES_ALL: Final = Permissions((Access.WRITE,) * len(CATEGORIES))
_SOMETHING: Final = DryRunRequest(category=Category.SYSTEM, access=Access.READ, by_path=True)
_SOME_VENDOR: Final = Vendor(
    vendor_id=VendorId(""),
    application=VendorApplication(name="", contact_email="", website="", intended_use="", categories=()),
    applicant="",
    state=VendorState.APPROVED,
    reviews=(),
    reviews_void=0,
    warned_lapse_at=None,
)
_ABOUT_VENDORS: Final = (Reason.VENDOR_KEY_REVOKED, Reason.VENDOR_SUSPENDED, Reason.VENDOR_NOT_PERMITTED)
_ABOUT_GRANTS: Final = (Reason.CATEGORY_DENIED, Reason.READ_ONLY)
_LOST_BY_REVOCATION: Final = (
    Reason.SUBSCRIBER_KEY_EXPIRED,
    Reason.NETWORK_NOT_ALLOWED,
    Reason.VENDOR_NOT_PERMITTED,
    *_ABOUT_GRANTS,
)


def _unknown(*reasons: Reason) -> Mapping[Reason, Outcome]:
    return dict.fromkeys(reasons, Outcome.UNKNOWN)


def _unknown_vendor_key(case: DryRunCase) -> RemedyStep:
    some_key, what = any_vendor_key(_SOME_VENDOR.vendor_id), "vendor" if case.by_vendor else "vendor key"
    key = case.subscriber_key
    if isinstance(key, ActiveSubscriberKey):
        key = replace(key, vendor_ids=None)
    known = replace(
        case, vendor_key=some_key, subscriber_key=key, vendors={_SOME_VENDOR.vendor_id: _SOME_VENDOR}
    )
    return RemedyStep(
        remedy=Remedy(f"Name another {what}: there is none with this id.", Mender.CALLER),
        case=known,
        hides=_unknown(*_ABOUT_VENDORS),
    )


def _unknown_subscriber_key(case: DryRunCase) -> RemedyStep:
    account = Account(account_id=AccountId(""), name="", integrations_enabled=True)
    known = replace(case, subscriber_key=_any_key(account.account_id), accounts={account.account_id: account})
    return RemedyStep(
        remedy=Remedy("Name another subscriber key: there is none with this id.", Mender.CALLER),
        case=known,
        hides=_unknown(Reason.SUBSCRIBER_KEY_REVOKED, Reason.INTEGRATIONS_DISABLED, *_LOST_BY_REVOCATION),
    )


def _vendor_key_revoked(case: DryRunCase) -> RemedyStep:
    (vendor_id,) = case.vendors
    return RemedyStep(
        remedy=USE_ANOTHER_VENDOR_KEY,
        case=replace(case, vendor_key=any_vendor_key(vendor_id)),
    )


_APPROVALS: Final[Mapping[VendorState, Remedy]] = {
    VendorState.APPLIED: Remedy("Approve the vendor, once both of its reviews have passed.", Mender.REVIEWER),
    VendorState.REJECTED: Remedy(
        "The vendor was rejected: it must apply again and be approved.", Mender.REVIEWER
    ),
    VendorState.SUSPENDED: REINSTATE,
}


def _vendor_suspended(case: DryRunCase) -> RemedyStep:
    (vendor,) = case.vendors.values()
    approved = replace(vendor, state=VendorState.APPROVED)
    return RemedyStep(
        remedy=_APPROVALS[vendor.state],
        case=replace(case, vendors={vendor.vendor_id: approved}),
    )


def _subscriber_key_revoked(case: DryRunCase) -> RemedyStep:
    (account_id,) = case.accounts
    return RemedyStep(
        remedy=CREATE_ANOTHER_KEY,
        case=replace(case, subscriber_key=_any_key(account_id)),
        hides=_unknown(*_LOST_BY_REVOCATION),
    )


def _subscriber_key_expired(case: DryRunCase) -> RemedyStep:
    return RemedyStep(
        remedy=EXPIRE_LATER,
        case=replace(case, subscriber_key=replace(_active(case), expires_at=None)),
    )


def _network_not_allowed(case: DryRunCase) -> RemedyStep:
    key = _active(case)
    allowed = key.networks or ()
    unsaid = Remedy(
        f"Say which client_ip it is: the key works from {name_networks(allowed)} alone.", Mender.CALLER
    )
    return RemedyStep(
        remedy=unsaid if case.client_ip is None else admit(case.client_ip, allowed),
        case=replace(case, subscriber_key=replace(key, networks=None)),
    )


def _integrations_disabled(case: DryRunCase) -> RemedyStep:
    (account,) = case.accounts.values()
    enabled = replace(account, integrations_enabled=True)
    return RemedyStep(
        remedy=ENABLE_INTEGRATIONS,
        case=replace(case, accounts={account.account_id: enabled}),
    )


def _vendor_not_permitted(case: DryRunCase) -> RemedyStep:
    key, (vendor_id,) = _active(case), case.vendors
    vendor_ids = (*(key.vendor_ids or ()), vendor_id)
    return RemedyStep(
        remedy=permit(vendor_id),
        case=replace(case, subscriber_key=replace(key, vendor_ids=vendor_ids)),
    )


def _ambiguous_request(case: DryRunCase) -> RemedyStep:
    return RemedyStep(
        remedy=SEND_A_PLAIN_PATH,
        case=_asking_for_something(case),
        hides=_unknown(Reason.UNMAPPED_ROUTE, *_ABOUT_GRANTS),
    )


def _unmapped_route(case: DryRunCase) -> RemedyStep:
    return RemedyStep(
        remedy=MAP_THE_ROUTE,
        case=_asking_for_something(case),
        hides=_unknown(*_ABOUT_GRANTS),
    )


def _category_denied(case: DryRunCase) -> RemedyStep:
    # A key without any access to the category is not one that may only read it.
    return replace(_read_only(case), hides={Reason.READ_ONLY: Outcome.NOT_APPLICABLE})


def _read_only(case: DryRunCase) -> RemedyStep:
    key, category, access = _active(case), case.request.category, case.request.access
    if category is None or access is None:
        raise LookupError("a request without a category cannot be granted")
    granted = key.permissions.changed({category: access})
    return RemedyStep(
        remedy=grant(access, category),
        case=replace(case, subscriber_key=replace(key, permissions=granted)),
    )


def _stale(case: DryRunCase) -> RemedyStep:
    return RemedyStep(
        remedy=HEAR_THE_LEDGER,
        case=replace(case, lease_held=True),
    )


def _active(case: DryRunCase) -> ActiveSubscriberKey:
    if not isinstance(case.subscriber_key, ActiveSubscriberKey):
        raise LookupError("a revoked or unknown key is replaced before any of its terms are remedied")
    return case.subscriber_key


def _any_key(account_id: AccountId) -> ActiveSubscriberKey:
    """Return a stand-in for a suitable key: it may do everything, and nobody can present it."""
    return ActiveSubscriberKey(
        key_id=KeyId(""),
        account_id=account_id,
        name="",
        permissions=_WRITES_ALL,
        vendor_ids=None,
        networks=None,
        rate_limit=None,
        expires_at=None,
        reminders=(),
        digest=b"",
        secret_hint="",
        outgoing=None,
        created_at=datetime.min,
    )


def _asking_for_something(case: DryRunCase) -> DryRunCase:
    able = replace(_active(case), permissions=_WRITES_ALL)
    return replace(case, request=_SOMETHING, subscriber_key=able)


_STEPS: Final[Mapping[Reason, Callable[[DryRunCase], RemedyStep]]] = {
    Reason.UNKNOWN_VENDOR_KEY: _unknown_vendor_key,
    Reason.UNKNOWN_SUBSCRIBER_KEY: _unknown_subscriber_key,
    Reason.VENDOR_KEY_REVOKED: _vendor_key_revoked,
    Reason.VENDOR_SUSPENDED: _vendor_suspended,
    Reason.SUBSCRIBER_KEY_REVOKED: _subscriber_key_revoked,
    Reason.SUBSCRIBER_KEY_EXPIRED: _subscriber_key_expired,
    Reason.NETWORK_NOT_ALLOWED: _network_not_allowed,
    Reason.INTEGRATIONS_DISABLED: _integrations_disabled,
    Reason.VENDOR_NOT_PERMITTED: _vendor_not_permitted,
    Reason.AMBIGUOUS_REQUEST: _ambiguous_request,
    Reason.UNMAPPED_ROUTE: _unmapped_route,
    Reason.CATEGORY_DENIED: _category_denied,
    Reason.READ_ONLY: _read_only,
    Reason.STALE: _stale,
}
