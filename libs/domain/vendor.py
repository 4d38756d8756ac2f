"""A vendor is a developer who asks for a way in, is reviewed, and may be let in, stopped and let in again."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.domain.ids import VendorId
from libs.domain.permissions import Category
from libs.domain.refusal import ImpossibleEvent, Refusal, conflict, not_found


class VendorState(StrEnum):
    """Where a vendor stands."""

    APPLIED = "applied"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUSPENDED = "suspended"


class ReviewKind(StrEnum):
    """What a review looks at. Approval needs the latest of each kind to have passed."""

    SECURITY = "security"
    COMPLIANCE = "compliance"


class Verdict(StrEnum):
    """How a review ended."""

    PASS = "pass"  # noqa: S105  the word for a passed review, not a password
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One reviewer's word on one side of a vendor. `notes` are for reviewers alone."""

    kind: ReviewKind
    verdict: Verdict
    notes: str
    reviewer: str
    reviewed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A vendor as it is now, with every review in the order they were made."""

    vendor_id: VendorId
    name: str
    contact_email: str
    website: str
    intended_use: str
    categories: tuple[Category, ...]
    applicant: str
    state: VendorState
    reviews: tuple[Review, ...]

    def missing_reviews(self) -> tuple[ReviewKind, ...]:
        """Return the kinds whose latest review has not passed."""
        latest = {review.kind: review.verdict for review in self.reviews}
        return tuple(kind for kind in ReviewKind if latest.get(kind) is not Verdict.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyVendor:
    """Ask to become a vendor. `applicant` is the subject of the token that asks."""

    vendor_id: VendorId
    name: str
    contact_email: str
    website: str
    intended_use: str
    categories: tuple[Category, ...]
    applicant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewVendor:
    """Record a review."""

    review: Review


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveVendor:
    """Let the vendor in, once both reviews have passed."""

    approver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectVendor:
    """Turn the application down."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendVendor:
    """Stop all keys of an approved vendor at once."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstateVendor:
    """Let a suspended vendor's keys work again."""


VendorCommand = ApplyVendor | ReviewVendor | ApproveVendor | RejectVendor | SuspendVendor | ReinstateVendor


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorApplied:
    """A developer asked to become a vendor."""

    vendor_id: VendorId
    name: str
    contact_email: str
    website: str
    intended_use: str
    categories: tuple[Category, ...]
    applicant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorReviewed:
    """A reviewer passed or failed one side of a vendor."""

    vendor_id: VendorId
    kind: ReviewKind
    verdict: Verdict
    notes: str
    reviewer: str
    reviewed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorApproved:
    """The vendor may have keys."""

    vendor_id: VendorId


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorRejected:
    """The application was turned down."""

    vendor_id: VendorId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorSuspended:
    """The vendor's keys stopped."""

    vendor_id: VendorId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorReinstated:
    """The suspended vendor's keys work again."""

    vendor_id: VendorId


VendorEvent = (
    VendorApplied | VendorReviewed | VendorApproved | VendorRejected | VendorSuspended | VendorReinstated
)


def decide(command: VendorCommand, vendor: Vendor | None) -> tuple[VendorEvent, ...] | Refusal:
    """Return the events that the command makes of this vendor, none when nothing would change."""
    if isinstance(command, ApplyVendor):
        return (
            _apply(command)
            if vendor is None
            else conflict("vendor-exists", "The vendor has applied already.")
        )
    if vendor is None:
        return not_found("vendor")
    match command:
        case ReviewVendor(review=review):
            return _review(review, vendor)
        case ApproveVendor():
            return _approve(command, vendor)
        case RejectVendor(reason=reason):
            return _move(vendor, VendorState.APPLIED, VendorState.REJECTED, reason)
        case SuspendVendor(reason=reason):
            return _move(vendor, VendorState.APPROVED, VendorState.SUSPENDED, reason)
        case ReinstateVendor():
            return _move(vendor, VendorState.SUSPENDED, VendorState.APPROVED, "")


def _apply(command: ApplyVendor) -> tuple[VendorEvent, ...]:
    return (
        VendorApplied(
            vendor_id=command.vendor_id,
            name=command.name,
            contact_email=command.contact_email,
            website=command.website,
            intended_use=command.intended_use,
            categories=command.categories,
            applicant=command.applicant,
        ),
    )


def _review(review: Review, vendor: Vendor) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is VendorState.REJECTED:
        return conflict("vendor-rejected", "The vendor was rejected; a rejected application is not reviewed.")
    if review.reviewer == vendor.applicant:
        return conflict("own-application", "Whoever applied cannot review.")
    return (
        VendorReviewed(
            vendor_id=vendor.vendor_id,
            kind=review.kind,
            verdict=review.verdict,
            notes=review.notes,
            reviewer=review.reviewer,
            reviewed_at=review.reviewed_at,
        ),
    )


def _approve(command: ApproveVendor, vendor: Vendor) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is VendorState.APPROVED:
        return ()
    if vendor.state is not VendorState.APPLIED:
        return conflict("vendor-not-applied", f"The vendor is {vendor.state}, so it cannot be approved.")
    if missing := vendor.missing_reviews():
        return conflict("reviews-missing", f"Not passed yet: the {' and the '.join(missing)} review.")
    if command.approver == vendor.applicant:
        return conflict("own-application", "Whoever applied cannot approve.")
    return (VendorApproved(vendor_id=vendor.vendor_id),)


def _move(
    vendor: Vendor, start: VendorState, end: VendorState, reason: str
) -> tuple[VendorEvent, ...] | Refusal:
    if vendor.state is end:
        return ()
    if vendor.state is not start:
        return conflict(f"vendor-not-{start}", f"The vendor is {vendor.state}, so it cannot become {end}.")
    match end:
        case VendorState.REJECTED:
            return (VendorRejected(vendor_id=vendor.vendor_id, reason=reason),)
        case VendorState.SUSPENDED:
            return (VendorSuspended(vendor_id=vendor.vendor_id, reason=reason),)
        case _:
            return (VendorReinstated(vendor_id=vendor.vendor_id),)


def evolve(vendor: Vendor | None, event: VendorEvent) -> Vendor:
    """Return the vendor after the event. Raises ImpossibleEvent for one that cannot follow."""
    if vendor is not None and vendor.vendor_id != event.vendor_id:
        raise ImpossibleEvent(event, vendor)
    match event, vendor:
        case VendorApplied(), None:
            return _applied(event)
        case VendorReviewed(), Vendor():
            return replace(vendor, reviews=(*vendor.reviews, _reviewed(event)))
        case VendorApproved(), Vendor(state=VendorState.APPLIED):
            return replace(vendor, state=VendorState.APPROVED)
        case VendorRejected(), Vendor(state=VendorState.APPLIED):
            return replace(vendor, state=VendorState.REJECTED)
        case VendorSuspended(), Vendor(state=VendorState.APPROVED):
            return replace(vendor, state=VendorState.SUSPENDED)
        case VendorReinstated(), Vendor(state=VendorState.SUSPENDED):
            return replace(vendor, state=VendorState.APPROVED)
    raise ImpossibleEvent(event, vendor)


def _applied(event: VendorApplied) -> Vendor:
    return Vendor(
        vendor_id=event.vendor_id,
        name=event.name,
        contact_email=event.contact_email,
        website=event.website,
        intended_use=event.intended_use,
        categories=event.categories,
        applicant=event.applicant,
        state=VendorState.APPLIED,
        reviews=(),
    )


def _reviewed(event: VendorReviewed) -> Review:
    return Review(
        kind=event.kind,
        verdict=event.verdict,
        notes=event.notes,
        reviewer=event.reviewer,
        reviewed_at=event.reviewed_at,
    )
