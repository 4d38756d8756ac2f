"""A vendor: every command in every state, the reviews that approval needs, and impossible histories."""

from dataclasses import replace
from itertools import product

import pytest

from libs.domain.ids import VendorId
from libs.domain.refusal import ImpossibleEvent, RefusalKind
from libs.domain.vendor import (
    ApplyVendor,
    ApproveVendor,
    ReinstateVendor,
    RejectVendor,
    Review,
    ReviewKind,
    ReviewVendor,
    SuspendVendor,
    VendorApplied,
    VendorApproved,
    VendorCommand,
    VendorEvent,
    VendorReinstated,
    VendorRejected,
    VendorReviewed,
    VendorState,
    VendorSuspended,
    Verdict,
    decide,
    evolve,
)
from tests.unit.domain.given import (
    APPLIED,
    APPROVED,
    NOT_FOUND,
    NOW,
    REJECTED,
    REVIEWED,
    SUSPENDED,
    code_of,
    review,
)

ID = APPLIED.vendor_id
APPLY = ApplyVendor(
    vendor_id=ID,
    name=APPLIED.name,
    contact_email=APPLIED.contact_email,
    website=APPLIED.website,
    intended_use=APPLIED.intended_use,
    categories=APPLIED.categories,
    applicant=APPLIED.applicant,
)
APPLICATION = VendorApplied(
    vendor_id=ID,
    name=APPLIED.name,
    contact_email=APPLIED.contact_email,
    website=APPLIED.website,
    intended_use=APPLIED.intended_use,
    categories=APPLIED.categories,
    applicant=APPLIED.applicant,
)
REVIEW = VendorReviewed(
    vendor_id=ID,
    kind=ReviewKind.SECURITY,
    verdict=Verdict.FAIL,
    notes="read the code",
    reviewer="rita",
    reviewed_at=NOW,
)
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
COMMANDS: dict[str, VendorCommand] = {
    "apply": APPLY,
    "review": ReviewVendor(review=review(ReviewKind.SECURITY, Verdict.FAIL)),
    "approve": ApproveVendor(approver="rita"),
    "reject": RejectVendor(reason="no"),
    "suspend": SuspendVendor(reason="breach"),
    "reinstate": ReinstateVendor(),
}
EVENTS: tuple[VendorEvent, ...] = (APPLICATION, REVIEW, APPROVAL, REJECTION, SUSPENSION, REINSTATEMENT)

# Events where the command is taken, () where it changes nothing, a conflict's code where it is refused.
TABLE: dict[str, dict[VendorState, tuple[VendorEvent, ...] | str]] = {
    "apply": dict.fromkeys(VendorState, "vendor-exists"),
    "review": {
        VendorState.APPLIED: (REVIEW,),
        VendorState.APPROVED: (REVIEW,),
        VendorState.REJECTED: "vendor-rejected",
        VendorState.SUSPENDED: (REVIEW,),
    },
    "approve": {
        VendorState.APPLIED: (APPROVAL,),
        VendorState.APPROVED: (),
        VendorState.REJECTED: "vendor-not-applied",
        VendorState.SUSPENDED: "vendor-not-applied",
    },
    "reject": {
        VendorState.APPLIED: (REJECTION,),
        VendorState.APPROVED: "vendor-not-applied",
        VendorState.REJECTED: (),
        VendorState.SUSPENDED: "vendor-not-applied",
    },
    "suspend": {
        VendorState.APPLIED: "vendor-not-approved",
        VendorState.APPROVED: (SUSPENSION,),
        VendorState.REJECTED: "vendor-not-approved",
        VendorState.SUSPENDED: (),
    },
    "reinstate": {
        VendorState.APPLIED: "vendor-not-suspended",
        VendorState.APPROVED: (),
        VendorState.REJECTED: "vendor-not-suspended",
        VendorState.SUSPENDED: (REINSTATEMENT,),
    },
}


@pytest.mark.parametrize(("name", "state"), list(product(COMMANDS, VendorState)))
def test_every_command_in_every_state(name: str, state: VendorState) -> None:
    """Each command moves a vendor from one state alone, repeats without an event, and is else refused."""
    outcome = decide(COMMANDS[name], STATES[state])
    expected = TABLE[name][state]
    if isinstance(expected, str):
        assert code_of(outcome) == (RefusalKind.CONFLICT, expected)
    else:
        assert outcome == expected


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_but_an_application_starts_a_vendor(name: str) -> None:
    """Every command to a vendor that never applied is not found."""
    outcome = decide(COMMANDS[name], None)
    if name == "apply":
        assert outcome == (APPLICATION,)
    else:
        assert code_of(outcome) == NOT_FOUND


@pytest.mark.parametrize(
    ("reviews", "missing"),
    [
        ((), (ReviewKind.SECURITY, ReviewKind.COMPLIANCE)),
        ((review(ReviewKind.SECURITY),), (ReviewKind.COMPLIANCE,)),
        ((review(ReviewKind.COMPLIANCE),), (ReviewKind.SECURITY,)),
        (
            (review(ReviewKind.SECURITY), review(ReviewKind.COMPLIANCE), REVIEWED.reviews[0]),
            (),
        ),
        (
            (*REVIEWED.reviews, review(ReviewKind.SECURITY, Verdict.FAIL)),
            (ReviewKind.SECURITY,),
        ),
        (
            (review(ReviewKind.SECURITY, Verdict.FAIL), *REVIEWED.reviews),
            (),
        ),
    ],
)
def test_approval_needs_the_latest_of_each_review_to_have_passed(
    reviews: tuple[Review, ...], missing: tuple[ReviewKind, ...]
) -> None:
    """A later word overrides an earlier one, either way; a refusal names each review that is missing."""
    vendor = replace(APPLIED, reviews=reviews)
    outcome = decide(ApproveVendor(approver="rita"), vendor)
    assert vendor.missing_reviews() == missing
    if missing:
        assert code_of(outcome) == (RefusalKind.CONFLICT, "reviews-missing")
        assert all(kind in getattr(outcome, "detail", "") for kind in missing)
    else:
        assert outcome == (APPROVAL,)


def test_nobody_approves_an_application_of_their_own() -> None:
    """The subject that applied cannot be the one that lets the vendor in."""
    outcome = decide(ApproveVendor(approver=APPLIED.applicant), REVIEWED)
    assert code_of(outcome) == (RefusalKind.CONFLICT, "own-application")


def test_nobody_reviews_an_application_of_their_own() -> None:
    """The subject that applied cannot be the one whose word lets the vendor in."""
    own = replace(review(ReviewKind.SECURITY), reviewer=APPLIED.applicant)
    outcome = decide(ReviewVendor(review=own), APPLIED)
    assert code_of(outcome) == (RefusalKind.CONFLICT, "own-application")


def test_a_history_moves_a_vendor_through_its_states() -> None:
    """Applied, reviewed, approved, suspended, reinstated; every detail of the application is kept."""
    assert evolve(None, APPLICATION) == APPLIED
    assert evolve(REVIEWED, APPROVAL) == APPROVED
    assert evolve(APPLIED, REJECTION) == REJECTED
    assert evolve(APPROVED, SUSPENSION) == SUSPENDED
    assert evolve(SUSPENDED, REINSTATEMENT) == APPROVED


def test_reviews_are_kept_in_the_order_they_were_made() -> None:
    """A review is added after those before it, whole."""
    vendor = evolve(REVIEWED, REVIEW)
    assert vendor == replace(REVIEWED, reviews=(*REVIEWED.reviews, review(ReviewKind.SECURITY, Verdict.FAIL)))


_FOLLOWS: dict[type[VendorEvent], set[VendorState | None]] = {
    VendorApplied: {None},
    VendorReviewed: set(VendorState),
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
