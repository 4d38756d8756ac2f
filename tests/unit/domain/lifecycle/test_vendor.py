"""A vendor's history: through which states it goes, which reviews count, and what cannot follow."""

from itertools import product
from typing import get_args

import pytest
from msgspec.structs import asdict, replace

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.vendor import (
    Review,
    ReviewKind,
    Vendor,
    VendorAmended,
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
    evolve,
)
from keyfold.domain.refusal import ImpossibleEvent
from tests.support.domain.given import (
    APPLIED,
    APPROVED,
    EARLIER,
    LATER,
    MOMENT,
    NOW,
    PASSED,
    REJECTED,
    REVIEWED,
    REVIEWS_VALID_FOR,
    SUSPENDED,
    review,
)
from tests.support.domain.vendor_events import (
    AMENDMENT,
    APPLICATION_MADE,
    APPROVAL,
    COMPLIANCE,
    EARLY,
    FAILED,
    ID,
    LAPSE,
    LAPSE_NEAR,
    MADE_AGAIN,
    OTHER_WORDS,
    REINSTATEMENT,
    REJECTION,
    REVIEW,
    SECURITY,
    STATES,
    SUSPENSION,
)

EVENTS: tuple[VendorEvent, ...] = (
    APPLICATION_MADE,
    AMENDMENT,
    MADE_AGAIN,
    REVIEW,
    LAPSE_NEAR,
    APPROVAL,
    REJECTION,
    SUSPENSION,
    REINSTATEMENT,
)


def test_every_event_is_tried_here() -> None:
    """No event of a vendor is forgotten by these tests."""
    assert {type(event) for event in EVENTS} == set(get_args(VendorEvent))


def test_a_history_moves_a_vendor_through_its_states() -> None:
    """Applied, approved, suspended, reinstated, or rejected; every detail of the application is kept."""
    assert evolve(None, APPLICATION_MADE) == APPLIED
    assert evolve(REVIEWED, APPROVAL) == APPROVED
    rejected = replace(REJECTED, reason=REJECTION.reason)
    assert evolve(APPLIED, REJECTION) == rejected
    assert evolve(rejected, MADE_AGAIN).reason is None
    suspended = replace(SUSPENDED, reason=SUSPENSION.reason)
    assert evolve(APPROVED, SUSPENSION) == suspended
    assert evolve(suspended, REINSTATEMENT) == APPROVED


def test_reviews_are_kept_in_the_order_they_were_made() -> None:
    """A review is added after those before it, whole."""
    assert evolve(REVIEWED, REVIEW) == replace(REVIEWED, reviews=(*PASSED, FAILED))


def test_an_amended_application_is_reviewed_anew() -> None:
    """Reviews of what the application said before stay on record, and count no more."""
    amended = evolve(REVIEWED, AMENDMENT)
    assert amended == replace(REVIEWED, application=OTHER_WORDS, reviews_void=2)
    assert amended.missing_reviews(NOW) == (SECURITY, COMPLIANCE)
    again = evolve(amended, VendorReviewed(vendor_id=ID, **asdict(review(SECURITY))))
    assert again.standing() == {SECURITY: review(SECURITY)}
    assert again.missing_reviews(NOW) == (COMPLIANCE,)


@pytest.mark.parametrize("vendor", [APPROVED, SUSPENDED])
def test_an_approved_vendors_reviews_outlive_its_amendment(vendor: Vendor) -> None:
    """What has led to an approval holds: there only the contact can change."""
    assert evolve(vendor, AMENDMENT) == replace(vendor, application=OTHER_WORDS)


def test_a_rejected_vendor_starts_again() -> None:
    """Another application, perhaps of somebody else, and none of the reviews before it counts."""
    rejected = replace(REJECTED, reviews=PASSED)
    assert evolve(rejected, MADE_AGAIN) == replace(
        APPLIED, application=OTHER_WORDS, applicant="dora", reviews=PASSED, reviews_void=2
    )


def test_a_warning_is_remembered_by_the_lapse_that_it_is_of() -> None:
    """Nothing else changes: no vendor stops by a warning."""
    assert evolve(APPROVED, LAPSE_NEAR) == replace(APPROVED, warned_lapse_at=LAPSE)


@pytest.mark.parametrize(
    ("reviews", "missing"),
    [
        ((), (SECURITY, COMPLIANCE)),
        ((review(SECURITY),), (COMPLIANCE,)),
        ((review(COMPLIANCE),), (SECURITY,)),
        (PASSED, ()),
        ((*PASSED, FAILED), (SECURITY,)),
        ((FAILED, *PASSED), ()),
        ((review(SECURITY, at=NOW - REVIEWS_VALID_FOR), review(COMPLIANCE)), (SECURITY,)),
        ((review(SECURITY, at=NOW - REVIEWS_VALID_FOR + MOMENT), review(COMPLIANCE)), ()),
    ],
)
def test_the_latest_review_of_each_kind_counts_until_it_lapses(
    reviews: tuple[Review, ...], missing: tuple[ReviewKind, ...]
) -> None:
    """A later word overrides an earlier one, either way, and at the instant of its lapse it is none."""
    assert replace(APPLIED, reviews=reviews).missing_reviews(NOW) == missing


@pytest.mark.parametrize(
    ("reviews", "void", "lapse"),
    [
        ((), 0, None),
        (PASSED[:1], 0, None),
        (PASSED, 0, LAPSE),
        (PASSED, 2, None),
        ((review(SECURITY, at=EARLIER), review(COMPLIANCE)), 0, EARLIER + REVIEWS_VALID_FOR),
        ((review(SECURITY, at=EARLIER), *PASSED), 0, LAPSE),
        ((*PASSED, FAILED), 0, None),
    ],
)
def test_reviews_hold_until_the_first_of_them_lapses(
    reviews: tuple[Review, ...], void: int, lapse: object
) -> None:
    """Both have passed and count, or there is nothing to lapse."""
    assert replace(APPLIED, reviews=reviews, reviews_void=void).reviews_lapse_at() == lapse


@pytest.mark.parametrize(
    ("vendor", "lapsing"),
    [
        (REVIEWED, None),
        (replace(REJECTED, reviews=PASSED), None),
        (APPROVED, PASSED[0]),
        (SUSPENDED, PASSED[0]),
        (replace(APPROVED, reviews=()), None),
        (replace(APPROVED, reviews_void=2), None),
        (replace(APPROVED, warned_lapse_at=LAPSE), None),
        (replace(APPROVED, warned_lapse_at=LAPSE - MOMENT), PASSED[0]),
        (replace(APPROVED, reviews=(PASSED[0], EARLY)), EARLY),
        (replace(APPROVED, reviews=(PASSED[0], EARLY), warned_lapse_at=EARLY.lapses_at), PASSED[0]),
        (replace(APPROVED, reviews=(PASSED[0], EARLY), warned_lapse_at=LAPSE), None),
        (replace(APPROVED, reviews=(*PASSED, review(SECURITY, at=LATER))), PASSED[1]),
        (replace(APPROVED, reviews=(FAILED, EARLY)), EARLY),
        (replace(APPROVED, reviews=(*PASSED, FAILED)), PASSED[1]),
    ],
)
def test_the_lapse_to_warn_of_is_the_first_of_an_approved_vendor(
    vendor: Vendor, lapsing: Review | None
) -> None:
    """Who was never approved has nothing to lose, and nobody is told twice of the same lapse."""
    assert vendor.unwarned_lapse() == lapsing


_FOLLOWS: dict[type[VendorEvent], set[VendorState | None]] = {
    VendorApplied: {None},
    VendorAmended: {VendorState.APPLIED, VendorState.APPROVED, VendorState.SUSPENDED},
    VendorReapplied: {VendorState.REJECTED},
    VendorReviewed: set(VendorState),
    VendorReviewsLapseNear: set(VendorState),
    VendorApproved: {VendorState.APPLIED},
    VendorRejected: {VendorState.APPLIED},
    VendorSuspended: {VendorState.APPROVED},
    VendorReinstated: {VendorState.SUSPENDED},
}


@pytest.mark.parametrize(("event", "state"), list(product(EVENTS, STATES)))
def test_what_cannot_follow_is_a_broken_history(event: VendorEvent, state: VendorState | None) -> None:
    """Each event follows the states that it can be decided in, and raises on every other."""
    if state in _FOLLOWS[type(event)]:
        assert evolve(STATES[state], event).vendor_id == ID
    else:
        with pytest.raises(ImpossibleEvent, match=type(event).__name__):
            evolve(STATES[state], event)


@pytest.mark.parametrize("event", EVENTS)
def test_another_vendors_event_is_a_broken_history(event: VendorEvent) -> None:
    """No event of one vendor is applied to another, whatever its state."""
    for vendor in (APPLIED, APPROVED, REJECTED, SUSPENDED):
        with pytest.raises(ImpossibleEvent):
            evolve(replace(vendor, vendor_id=VendorId("ven_2")), event)
