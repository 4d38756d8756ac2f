"""Every event of one vendor, its application, and the vendor in each of its states, as plain values."""

from msgspec.structs import asdict

from keyfold.domain.lifecycle.vendor import (
    ReviewKind,
    VendorAmended,
    VendorApplication,
    VendorApplied,
    VendorApproved,
    VendorReapplied,
    VendorReinstated,
    VendorRejected,
    VendorReviewed,
    VendorReviewsLapseNear,
    VendorState,
    VendorSuspended,
    Verdict,
)
from keyfold.domain.lifecycle.vendor_commands import ApplyVendor
from keyfold.domain.permissions import Category
from tests.support.domain.given import (
    APPLICATION,
    APPLIED,
    APPROVED,
    BOUND,
    EARLIER,
    LATER,
    NOW,
    REJECTED,
    REVIEWED,
    REVIEWS_VALID_FOR,
    SUSPENDED,
    review,
)

ID = APPLIED.vendor_id
OTHER_WORDS = VendorApplication(
    name="Recall Robot II",
    contact_email="help@recall.example",
    website="https://www.recall.example",
    intended_use="Calls patients",
    categories=(Category.CONTACT,),
)
APPLICATION_MADE = VendorApplied(vendor_id=ID, applicant="dana", **asdict(APPLICATION))
AMENDMENT = VendorAmended(vendor_id=ID, **asdict(OTHER_WORDS))
MADE_AGAIN = VendorReapplied(vendor_id=ID, applicant="dora", **asdict(OTHER_WORDS))
FAILED = review(ReviewKind.SECURITY, Verdict.FAIL)
REVIEW = VendorReviewed(vendor_id=ID, **asdict(FAILED))
LAPSE_NEAR = VendorReviewsLapseNear(vendor_id=ID, lapses_at=NOW + REVIEWS_VALID_FOR, warned_at=LATER)
APPROVAL = VendorApproved(vendor_id=ID)
REJECTION = VendorRejected(vendor_id=ID, reason="no")
SUSPENSION = VendorSuspended(vendor_id=ID, reason="breach")
REINSTATEMENT = VendorReinstated(vendor_id=ID)
STATES = {
    None: None,
    VendorState.APPLIED: REVIEWED,
    VendorState.APPROVED: APPROVED,
    VendorState.REJECTED: REJECTED,
    VendorState.SUSPENDED: SUSPENDED,
}
SECURITY, COMPLIANCE = ReviewKind.SECURITY, ReviewKind.COMPLIANCE
LAPSE = NOW + REVIEWS_VALID_FOR
EARLY = review(COMPLIANCE, at=EARLIER)
APPLY = ApplyVendor(
    vendor_id=ID,
    application=APPLICATION,
    applicant="dana",
    issuer=BOUND.issuer,
    login_id=BOUND.login_id,
)
