"""What may be asked of a vendor, and what comes of it: it applies, reviewers judge, let in, stop."""

from datetime import datetime, timedelta
from typing import TypedDict

from msgspec import Struct
from msgspec.structs import replace

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.deadlines import PassTime
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
    """Ask to become a vendor. `applicant` is the subject of the token that asks."""

    vendor_id: VendorId
    application: VendorApplication
    applicant: str


class AmendVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Change what is named of the application, and leave the rest."""

    name: str | None = None
    contact_email: str | None = None
    website: str | None = None
    intended_use: str | None = None
    categories: tuple[Category, ...] | None = None


class ReapplyVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Ask again after a rejection."""

    application: VendorApplication
    applicant: str


class ReviewVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Record a review, which is good for `valid_for` from then on."""

    kind: ReviewKind
    verdict: Verdict
    notes: str
    reviewer: str
    reviewed_at: datetime
    valid_for: timedelta


class ApproveVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Let the vendor in, once both reviews have passed."""

    approver: str
    at: datetime


class RejectVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Turn the application down."""

    reason: str


class SuspendVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Stop all keys of an approved vendor at once."""

    reason: str


class ReinstateVendor(Struct, frozen=True, kw_only=True, gc=False):
    """Let a suspended vendor's keys work again."""


VendorCommand = (
    ApplyVendor
    | AmendVendor
    | ReapplyVendor
    | ReviewVendor
    | ApproveVendor
    | RejectVendor
    | SuspendVendor
    | ReinstateVendor
    | PassTime
)


def decide(command: VendorCommand, vendor: Vendor | None) -> tuple[VendorEvent, ...] | Refusal:
    """Return the events that the command makes of this vendor, none when nothing would change."""
    match command, vendor:
        case ApplyVendor(), None:
            said = _said(command.application)
            return (VendorApplied(vendor_id=command.vendor_id, applicant=command.applicant, **said),)
        case ApplyVendor(), _:
            return conflict("vendor-exists", "The vendor has applied already.")
        case _, None:
            return not_found("vendor")
        case AmendVendor(), _:
            return _amend(command, vendor)
        case ReapplyVendor(), _:
            return _reapply(command, vendor)
        case ReviewVendor(), _:
            return _review(command, vendor)
        case ApproveVendor(), _:
            return _approve(command, vendor)
        case RejectVendor(reason=reason), _:
            event = VendorRejected(vendor_id=vendor.vendor_id, reason=reason)
            return _move(vendor, VendorState.APPLIED, VendorState.REJECTED, event)
        case SuspendVendor(reason=reason), _:
            suspended = VendorSuspended(vendor_id=vendor.vendor_id, reason=reason)
            return _move(vendor, VendorState.APPROVED, VendorState.SUSPENDED, suspended)
        case ReinstateVendor(), _:
            reinstated = VendorReinstated(vendor_id=vendor.vendor_id)
            return _move(vendor, VendorState.SUSPENDED, VendorState.APPROVED, reinstated)
        case PassTime(at=at), _:
            return _due(at, vendor)
    raise AssertionError(command)


class _Said(TypedDict):
    name: str
    contact_email: str
    website: str
    intended_use: str
    categories: tuple[Category, ...]


def _said(application: VendorApplication) -> _Said:
    return {
        "name": application.name,
        "contact_email": application.contact_email,
        "website": application.website,
        "intended_use": application.intended_use,
        "categories": application.categories,
    }


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
    return (VendorAmended(vendor_id=vendor.vendor_id, **_said(after)),)


def _reapply(command: ReapplyVendor, vendor: Vendor) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is not VendorState.REJECTED:
        return conflict(
            "vendor-not-rejected", f"The vendor is {vendor.state}; only a rejected one applies again."
        )
    said = _said(command.application)
    return (VendorReapplied(vendor_id=vendor.vendor_id, applicant=command.applicant, **said),)


def _review(command: ReviewVendor, vendor: Vendor) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is VendorState.REJECTED:
        return conflict("vendor-rejected", "The vendor was rejected; a rejected application is not reviewed.")
    if command.reviewer == vendor.applicant:
        return conflict("own-application", "Whoever applied cannot review.")
    lapses_at = command.reviewed_at + command.valid_for
    return (
        VendorReviewed(
            vendor_id=vendor.vendor_id,
            kind=command.kind,
            verdict=command.verdict,
            notes=command.notes,
            reviewer=command.reviewer,
            reviewed_at=command.reviewed_at,
            lapses_at=lapses_at,
            warn_at=max(command.reviewed_at, lapses_at - WARNED_BEFORE),
        ),
    )


def _approve(command: ApproveVendor, vendor: Vendor) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is VendorState.APPROVED:
        return ()
    if vendor.state is not VendorState.APPLIED:
        return conflict("vendor-not-applied", f"The vendor is {vendor.state}, so it cannot be approved.")
    if missing := vendor.missing_reviews(command.at):
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


def _due(at: datetime, vendor: Vendor) -> tuple[VendorEvent, ...]:
    lapsing = vendor.unwarned_lapse()
    if lapsing is None or lapsing.warn_at > at:
        return ()
    warning = VendorReviewsLapseNear(vendor_id=vendor.vendor_id, lapses_at=lapsing.lapses_at, warned_at=at)
    # The other review may lapse at another time, and its warning may be due by now too.
    return (warning, *_due(at, evolve(vendor, warning)))
