"""What may be asked of a vendor, and what comes of it: it applies, reviewers judge, let in, stop."""

from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import asdict, replace

from keyfold.domain.ids import LoginId, VendorId
from keyfold.domain.lifecycle.identity.login import BoundLogin, Login, LoginBound, LoginEnded, LoginEvent
from keyfold.domain.lifecycle.vendor import (
    ReviewKind,
    Vendor,
    VendorAmended,
    VendorApplication,
    VendorApplied,
    VendorApproved,
    VendorEvent,
    VendorReapplied,
    VendorReinstated,
    VendorRejected,
    VendorReviewed,
    VendorReviewsLapseNear,
    VendorState,
    VendorSuspended,
    Verdict,
    evolve,
)
from keyfold.domain.permissions import Category
from keyfold.domain.refusal import Refusal, conflict, not_found

WARNED_BEFORE = timedelta(days=30)
"""How long before a vendor's reviews lapse its reviewers are told."""


class ApplyVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Ask to become a vendor. `applicant` and `issuer` are `sub` and `iss` of the token that asks, and
    `login_id` stands for both.
    """

    vendor_id: VendorId
    application: VendorApplication
    applicant: str
    issuer: str
    login_id: LoginId


class AmendVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Change what is named of the application, and leave the rest.

    `applied_by` names the one subject whose application it may be; None for any.
    """

    vendor_id: VendorId
    applied_by: str | None = None
    name: str | None = None
    contact_email: str | None = None
    website: str | None = None
    intended_use: str | None = None
    categories: tuple[Category, ...] | None = None


class ReapplyVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Ask again after a rejection. `applied_by` names the one subject who may have applied before."""

    vendor_id: VendorId
    application: VendorApplication
    applicant: str
    applied_by: str | None = None


class ReviewVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Record a review, which is good for `valid_for` from then on."""

    vendor_id: VendorId
    kind: ReviewKind
    verdict: Verdict
    notes: str
    reviewer: str
    valid_for: timedelta


class ApproveVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Let the vendor in, once both reviews have passed."""

    vendor_id: VendorId
    approver: str


class RejectVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Turn the application down."""

    vendor_id: VendorId
    reason: str


class SuspendVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Stop all keys of an approved vendor at once."""

    vendor_id: VendorId
    reason: str


class ReinstateVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Let a suspended vendor's keys work again."""

    vendor_id: VendorId


class PassVendorTime(Struct, frozen=True, kw_only=True, gc=False):
    """Record what has fallen due for the vendor and was not recorded yet, each thing once."""

    vendor_id: VendorId


VendorCommand = (
    ApplyVendor
    | AmendVendor
    | ReapplyVendor
    | ReviewVendor
    | ApproveVendor
    | RejectVendor
    | SuspendVendor
    | ReinstateVendor
    | PassVendorTime
)


def decide(command: VendorCommand, vendor: Vendor | None, now: datetime) -> tuple[VendorEvent, ...] | Refusal:
    """Return the events that the command makes of this vendor, none when nothing would change."""
    match command, vendor:
        case ApplyVendor(), None:
            words = asdict(command.application)
            return (VendorApplied(vendor_id=command.vendor_id, applicant=command.applicant, **words),)
        case ApplyVendor(), _:
            return conflict("vendor-exists", "The vendor has applied already.")
        case _, None:
            return not_found("vendor")
        case AmendVendor() | ReapplyVendor(), _ if command.applied_by not in (None, vendor.applicant):
            return not_found("vendor")
        case AmendVendor(), _:
            return _amend(command, vendor)
        case ReapplyVendor(), _:
            return _reapply(command, vendor)
        case ReviewVendor(), _:
            return _review(command, vendor, now)
        case ApproveVendor(), _:
            return _approve(command, vendor, now)
        case RejectVendor(reason=reason), _:
            event = VendorRejected(vendor_id=vendor.vendor_id, reason=reason)
            return _move(vendor, VendorState.APPLIED, VendorState.REJECTED, event)
        case SuspendVendor(reason=reason), _:
            suspended = VendorSuspended(vendor_id=vendor.vendor_id, reason=reason)
            return _move(vendor, VendorState.APPROVED, VendorState.SUSPENDED, suspended)
        case ReinstateVendor(), _:
            reinstated = VendorReinstated(vendor_id=vendor.vendor_id)
            return _move(vendor, VendorState.SUSPENDED, VendorState.APPROVED, reinstated)
        case PassVendorTime(), _:
            return _find_due(vendor, now)
    raise AssertionError(command)


def decide_application(
    command: ApplyVendor,
    vendor: Vendor | None,
    now: datetime,
    *,
    earlier: Collection[Vendor],
    login: Login | None,
) -> tuple[VendorEvent | LoginEvent, ...] | Refusal:
    """Return the events of an application: the login that makes it speaks for the vendor from then on.

    `earlier` are the vendors that the applicant has applied for. Whoever speaks for an account or a vendor,
    or has an application that was not rejected, cannot make another.
    """
    if any(
        each.applicant == command.applicant and each.state is not VendorState.REJECTED for each in earlier
    ):
        return _APPLIED_ALREADY
    left = _leave_rejected(login, earlier, now)
    applied = decide(command, vendor, now)
    if isinstance(left, Refusal) or isinstance(applied, Refusal):
        return left if isinstance(left, Refusal) else applied
    bound = LoginBound(
        login_id=command.login_id,
        issuer=command.issuer,
        subject=command.applicant,
        account_id=None,
        vendor_id=command.vendor_id,
        invitation_id=None,
        bound_at=now,
    )
    return (*left, *applied, bound)


_APPLIED_ALREADY = conflict("vendor-exists", "You have applied already, and that was not rejected.")


def _leave_rejected(
    login: Login | None, earlier: Collection[Vendor], now: datetime
) -> tuple[LoginEvent, ...] | Refusal:
    """Return the end of a login's binding to a vendor that was rejected: it speaks for one alone."""
    if not isinstance(login, BoundLogin):
        return ()
    rejected = {each.vendor_id for each in earlier if each.state is VendorState.REJECTED}
    if login.vendor_id not in rejected:
        return _APPLIED_ALREADY
    ended = LoginEnded(login_id=login.login_id, account_id=None, vendor_id=login.vendor_id, ended_at=now)
    return (ended,)


def _amend(command: AmendVendor, vendor: Vendor) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is VendorState.REJECTED:
        return conflict("vendor-rejected", "The application was rejected: apply again instead.")
    before = vendor.application
    after = replace(
        before,
        name=command.name or before.name,
        contact_email=command.contact_email or before.contact_email,
        website=command.website or before.website,
        intended_use=command.intended_use or before.intended_use,
        categories=command.categories or before.categories,
    )
    if after == before:
        return ()
    is_contact_alone = after == replace(before, contact_email=after.contact_email, website=after.website)
    if vendor.state is not VendorState.APPLIED and not is_contact_alone:
        return conflict(
            "vendor-not-applied",
            f"The vendor is {vendor.state}: what its reviews were about cannot change any more, "
            "only `contact_email` and `website`.",
        )
    return (VendorAmended(vendor_id=vendor.vendor_id, **asdict(after)),)


def _reapply(command: ReapplyVendor, vendor: Vendor) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is not VendorState.REJECTED:
        return conflict(
            "vendor-not-rejected", f"The vendor is {vendor.state}; only a rejected one applies again."
        )
    words = asdict(command.application)
    return (VendorReapplied(vendor_id=vendor.vendor_id, applicant=command.applicant, **words),)


def _review(command: ReviewVendor, vendor: Vendor, now: datetime) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is VendorState.REJECTED:
        return conflict("vendor-rejected", "The vendor was rejected; a rejected application is not reviewed.")
    if command.reviewer == vendor.applicant:
        return conflict("own-application", "Whoever applied cannot review.")
    lapses_at = now + command.valid_for
    return (
        VendorReviewed(
            vendor_id=vendor.vendor_id,
            kind=command.kind,
            verdict=command.verdict,
            notes=command.notes,
            reviewer=command.reviewer,
            reviewed_at=now,
            lapses_at=lapses_at,
            warn_at=max(now, lapses_at - WARNED_BEFORE),
        ),
    )


def _approve(command: ApproveVendor, vendor: Vendor, now: datetime) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is VendorState.APPROVED:
        return ()
    if vendor.state is not VendorState.APPLIED:
        return conflict("vendor-not-applied", f"The vendor is {vendor.state}, so it cannot be approved.")
    if missing := vendor.missing_reviews(now):
        return conflict(
            "reviews-missing",
            f"Not passed for this application, or lapsed: the {' and the '.join(missing)} review.",
        )
    if command.approver == vendor.applicant:
        return conflict("own-application", "Whoever applied cannot approve.")
    return (VendorApproved(vendor_id=vendor.vendor_id),)


def _move(
    vendor: Vendor, start: VendorState, end: VendorState, event: VendorEvent
) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is end:
        return ()
    if vendor.state is not start:
        return conflict(f"vendor-not-{start}", f"The vendor is {vendor.state}, so it cannot become {end}.")
    return (event,)


def _find_due(vendor: Vendor, now: datetime) -> tuple[VendorEvent, ...]:
    lapsing = vendor.unwarned_lapse()
    if lapsing is None or lapsing.warn_at > now:
        return ()
    warning = VendorReviewsLapseNear(vendor_id=vendor.vendor_id, lapses_at=lapsing.lapses_at, warned_at=now)
    # The other review may lapse at another time, and its warning may be due by now too.
    return (warning, *_find_due(evolve(vendor, warning), now))
