"""A vendor is a developer who asks for a way in: what it is, what happens to it, and the fold."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from keyfold.domain.ids import VendorId
from keyfold.domain.permissions import Category
from keyfold.domain.refusal import ImpossibleEvent


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


class Review(Struct, frozen=True, kw_only=True, gc=False):
    """One reviewer's word on one side of a vendor. `notes` are for reviewers alone.

    It is good until `lapses_at`, and reviewers are to be told at `warn_at`.
    """

    kind: ReviewKind
    verdict: Verdict
    notes: str
    reviewer: str
    reviewed_at: datetime
    lapses_at: datetime
    warn_at: datetime


class VendorApplication(Struct, frozen=True, kw_only=True, gc=False):
    """What a developer says of itself."""

    name: str
    contact_email: str
    website: str
    intended_use: str
    categories: tuple[Category, ...]


class Vendor(Struct, frozen=True, kw_only=True, gc=False):
    """A vendor as it is now, with every review in the order they were made.

    The first `reviews_void` of them were of an application that has changed since, and count no more.
    `warned_lapse_at` is the lapse that reviewers were last told of. `reason` is why it is rejected or
    suspended, as it was told; None where it is neither.
    """

    vendor_id: VendorId
    application: VendorApplication
    applicant: str
    state: VendorState
    reviews: tuple[Review, ...]
    reviews_void: int
    warned_lapse_at: datetime | None
    reason: str | None = None

    def standing(self) -> Mapping[ReviewKind, Review]:
        """Return the latest review of each kind among those that count."""
        return {review.kind: review for review in self.reviews[self.reviews_void :]}

    def missing_reviews(self, now: datetime) -> tuple[ReviewKind, ...]:
        """Return the kinds whose latest review has not passed, or has lapsed."""
        standing = self.standing()
        return tuple(kind for kind in ReviewKind if not _is_good(standing.get(kind), now))

    def reviews_lapse_at(self) -> datetime | None:
        """Return until when the passed reviews hold, None where they do not make an approval."""
        passed = [review for review in self.standing().values() if review.verdict is Verdict.PASS]
        return min(review.lapses_at for review in passed) if len(passed) == len(ReviewKind) else None

    def unwarned_lapse(self) -> Review | None:
        """Return the passed review whose lapse reviewers are to be told of next, if there is one."""
        if self.state not in _HAS_BEEN_APPROVED:
            return None
        passed = (review for review in self.standing().values() if review.verdict is Verdict.PASS)
        told = self.warned_lapse_at
        untold = (review for review in passed if told is None or told < review.lapses_at)
        return min(untold, key=lambda review: review.lapses_at, default=None)


_HAS_BEEN_APPROVED = frozenset({VendorState.APPROVED, VendorState.SUSPENDED})


def _is_good(review: Review | None, now: datetime) -> bool:
    return review is not None and review.verdict is Verdict.PASS and now < review.lapses_at


class VendorApplied(Struct, frozen=True, kw_only=True, gc=False):
    """A developer asked to become a vendor."""

    vendor_id: VendorId
    name: str
    contact_email: str
    website: str
    intended_use: str
    categories: tuple[Category, ...]
    applicant: str


class VendorAmended(Struct, frozen=True, kw_only=True, gc=False):
    """The vendor says this of itself now. Reviews before it that led to no approval are void."""

    vendor_id: VendorId
    name: str
    contact_email: str
    website: str
    intended_use: str
    categories: tuple[Category, ...]


class VendorReapplied(Struct, frozen=True, kw_only=True, gc=False):
    """A rejected vendor asked again; it is reviewed from the beginning."""

    vendor_id: VendorId
    name: str
    contact_email: str
    website: str
    intended_use: str
    categories: tuple[Category, ...]
    applicant: str


class VendorReviewed(Struct, frozen=True, kw_only=True, gc=False):
    """A reviewer passed or failed one side of a vendor."""

    vendor_id: VendorId
    kind: ReviewKind
    verdict: Verdict
    notes: str
    reviewer: str
    reviewed_at: datetime
    lapses_at: datetime
    warn_at: datetime


class VendorReviewsLapseNear(Struct, frozen=True, kw_only=True, gc=False):
    """Reviewers are to be told that a review lapses soon. Nothing stops by itself."""

    vendor_id: VendorId
    lapses_at: datetime
    warned_at: datetime


class VendorApproved(Struct, frozen=True, kw_only=True, gc=False):
    """The vendor may have keys."""

    vendor_id: VendorId


class VendorRejected(Struct, frozen=True, kw_only=True, gc=False):
    """The application was turned down."""

    vendor_id: VendorId
    reason: str


class VendorSuspended(Struct, frozen=True, kw_only=True, gc=False):
    """The vendor's keys stopped."""

    vendor_id: VendorId
    reason: str


class VendorReinstated(Struct, frozen=True, kw_only=True, gc=False):
    """The suspended vendor's keys work again."""

    vendor_id: VendorId


VendorEvent = (
    VendorApplied
    | VendorAmended
    | VendorReapplied
    | VendorReviewed
    | VendorReviewsLapseNear
    | VendorApproved
    | VendorRejected
    | VendorSuspended
    | VendorReinstated
)


def evolve(vendor: Vendor | None, event: VendorEvent) -> Vendor:
    """Return the vendor after the event. Raises ImpossibleEvent for one that cannot follow."""
    if vendor is None and isinstance(event, VendorApplied):
        return _applied(event)
    if vendor is None or vendor.vendor_id != event.vendor_id:
        raise ImpossibleEvent(event, vendor)
    match event, vendor.state:
        case VendorAmended(), VendorState.APPLIED:
            return replace(vendor, application=_application(event), reviews_void=len(vendor.reviews))
        case VendorAmended(), VendorState.APPROVED | VendorState.SUSPENDED:
            return replace(vendor, application=_application(event))
        case VendorReapplied(), VendorState.REJECTED:
            return _reapplied(vendor, event)
        case VendorReviewed(), _:
            return replace(vendor, reviews=(*vendor.reviews, _reviewed(event)))
        case VendorReviewsLapseNear(lapses_at=lapses_at), _:
            return replace(vendor, warned_lapse_at=lapses_at)
        case VendorApproved(), VendorState.APPLIED:
            return replace(vendor, state=VendorState.APPROVED)
        case VendorRejected(reason=reason), VendorState.APPLIED:
            return replace(vendor, state=VendorState.REJECTED, reason=reason)
        case VendorSuspended(reason=reason), VendorState.APPROVED:
            return replace(vendor, state=VendorState.SUSPENDED, reason=reason)
        case VendorReinstated(), VendorState.SUSPENDED:
            return replace(vendor, state=VendorState.APPROVED, reason=None)
    raise ImpossibleEvent(event, vendor)


def _applied(event: VendorApplied) -> Vendor:
    return Vendor(
        vendor_id=event.vendor_id,
        application=_application(event),
        applicant=event.applicant,
        state=VendorState.APPLIED,
        reviews=(),
        reviews_void=0,
        warned_lapse_at=None,
    )


def _reapplied(vendor: Vendor, event: VendorReapplied) -> Vendor:
    return replace(
        vendor,
        application=_application(event),
        applicant=event.applicant,
        state=VendorState.APPLIED,
        reviews_void=len(vendor.reviews),
        reason=None,
    )


def _application(event: VendorApplied | VendorAmended | VendorReapplied) -> VendorApplication:
    return VendorApplication(
        name=event.name,
        contact_email=event.contact_email,
        website=event.website,
        intended_use=event.intended_use,
        categories=event.categories,
    )


def _reviewed(event: VendorReviewed) -> Review:
    return Review(
        kind=event.kind,
        verdict=event.verdict,
        notes=event.notes,
        reviewer=event.reviewer,
        reviewed_at=event.reviewed_at,
        lapses_at=event.lapses_at,
        warn_at=event.warn_at,
    )
