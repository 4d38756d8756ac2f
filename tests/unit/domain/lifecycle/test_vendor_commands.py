"""A vendor: every command in every state, who may not judge, and what may still be amended."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest
from msgspec.structs import asdict, replace

from keyfold.domain.lifecycle.vendor import (
    ReviewKind,
    Vendor,
    VendorAmended,
    VendorApplication,
    VendorEvent,
    VendorState,
    Verdict,
)
from keyfold.domain.lifecycle.vendor_commands import (
    AmendVendor,
    PassVendorTime,
    ReapplyVendor,
    VendorCommand,
    decide,
)
from keyfold.domain.lifecycle.vendor_judgement import (
    ApproveVendor,
    ReinstateVendor,
    RejectVendor,
    ReviewVendor,
    SuspendVendor,
    VendorJudgement,
)
from keyfold.domain.refusal import RefusalKind
from tests.support.domain.given import (
    APPLICATION,
    APPLIED,
    APPROVED,
    MOMENT,
    NOT_FOUND,
    NOW,
    PASSED,
    REJECTED,
    REVIEWED,
    REVIEWS_VALID_FOR,
    SUSPENDED,
    code_of,
    review,
)
from tests.support.domain.vendor_events import (
    AMENDMENT,
    APPLICATION_MADE,
    APPLY,
    APPROVAL,
    ID,
    MADE_AGAIN,
    OTHER_WORDS,
    REINSTATEMENT,
    REJECTION,
    REVIEW,
    STATES,
    SUSPENSION,
)

FAIL_SECURITY = ReviewVendor(
    vendor_id=ID,
    kind=ReviewKind.SECURITY,
    verdict=Verdict.FAIL,
    notes="read the code",
    reviewer="rita",
    valid_for=REVIEWS_VALID_FOR,
)
APPROVE = ApproveVendor(vendor_id=ID, reviewer="rita")
COMMANDS: dict[str, VendorCommand] = {
    "apply": APPLY,
    "amend": AmendVendor(
        vendor_id=ID,
        name=OTHER_WORDS.name,
        contact_email=OTHER_WORDS.contact_email,
        website=OTHER_WORDS.website,
        intended_use=OTHER_WORDS.intended_use,
        categories=OTHER_WORDS.categories,
    ),
    "reapply": ReapplyVendor(vendor_id=ID, application=OTHER_WORDS, applicant="dora"),
    "review": FAIL_SECURITY,
    "approve": APPROVE,
    "reject": RejectVendor(vendor_id=ID, reviewer="rita", reason="no"),
    "suspend": SuspendVendor(vendor_id=ID, reviewer="rita", reason="breach"),
    "reinstate": ReinstateVendor(vendor_id=ID, reviewer="rita"),
    "pass time": PassVendorTime(vendor_id=ID),
}

# Events where the command is taken, () where it changes nothing, a conflict's code where it is refused;
# for a vendor that has applied, is approved, rejected, suspended.
TABLE: dict[str, tuple[tuple[VendorEvent, ...] | str, ...]] = {
    "apply": ("vendor-exists",) * 4,
    "amend": ((AMENDMENT,), "vendor-not-applied", "vendor-rejected", "vendor-not-applied"),
    "reapply": ("vendor-not-rejected", "vendor-not-rejected", (MADE_AGAIN,), "vendor-not-rejected"),
    "review": ((REVIEW,), (REVIEW,), "vendor-rejected", (REVIEW,)),
    "approve": ((APPROVAL,), (), "vendor-not-applied", "vendor-not-applied"),
    "reject": ((REJECTION,), "vendor-not-applied", (), "vendor-not-applied"),
    "suspend": ("vendor-not-approved", (SUSPENSION,), "vendor-not-approved", ()),
    "reinstate": ("vendor-not-suspended", (), "vendor-not-suspended", (REINSTATEMENT,)),
    "pass time": ((), (), (), ()),
}
IN_ORDER = (VendorState.APPLIED, VendorState.APPROVED, VendorState.REJECTED, VendorState.SUSPENDED)


def amended_to(application: VendorApplication) -> VendorAmended:
    """Return the amendment to these words."""
    return VendorAmended(vendor_id=ID, **asdict(application))


def test_every_command_is_tried_here() -> None:
    """No command to a vendor is forgotten by these tests."""
    assert {type(command) for command in COMMANDS.values()} == set(get_args(VendorCommand))


@pytest.mark.parametrize(("name", "state"), list(product(COMMANDS, IN_ORDER)))
def test_every_command_in_every_state(name: str, state: VendorState) -> None:
    """Each command is taken in the states where it makes sense, repeats without an event, and is refused."""
    outcome = decide(COMMANDS[name], STATES[state], NOW)
    expected = TABLE[name][IN_ORDER.index(state)]
    if isinstance(expected, str):
        assert code_of(outcome) == (RefusalKind.CONFLICT, expected)
    else:
        assert outcome == expected


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_but_an_application_starts_a_vendor(name: str) -> None:
    """Every command to a vendor that never applied is not found."""
    outcome = decide(COMMANDS[name], None, NOW)
    if name == "apply":
        assert outcome == (APPLICATION_MADE,)
    else:
        assert code_of(outcome) == NOT_FOUND


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Recall Robot II"),
        ("contact_email", "help@recall.example"),
        ("website", "https://www.recall.example"),
        ("intended_use", "Calls patients"),
        ("categories", OTHER_WORDS.categories),
    ],
)
@pytest.mark.parametrize("vendor", [APPLIED, REVIEWED, APPROVED, SUSPENDED])
def test_each_field_is_amended_alone(vendor: Vendor, field: str, value: object) -> None:
    """The others stay; of what an approval was given for, the contact alone can change."""
    words: dict[str, Any] = {field: value}
    outcome = decide(AmendVendor(vendor_id=ID, **words), vendor, NOW)
    if vendor.state is VendorState.APPLIED or field in ("contact_email", "website"):
        assert outcome == (amended_to(replace(APPLICATION, **words)),)
    else:
        assert code_of(outcome) == (RefusalKind.CONFLICT, "vendor-not-applied")


@pytest.mark.parametrize("vendor", [APPROVED, SUSPENDED])
def test_an_amendment_is_taken_whole_or_not_at_all(vendor: Vendor) -> None:
    """A contact beside another name is refused with it; both contacts together are taken."""
    email = OTHER_WORDS.contact_email
    refused = decide(AmendVendor(vendor_id=ID, contact_email=email, name="Other"), vendor, NOW)
    assert code_of(refused) == (RefusalKind.CONFLICT, "vendor-not-applied")
    both = decide(AmendVendor(vendor_id=ID, contact_email=email, website=OTHER_WORDS.website), vendor, NOW)
    assert both == (amended_to(replace(APPLICATION, contact_email=email, website=OTHER_WORDS.website)),)


@pytest.mark.parametrize("vendor", [APPLIED, APPROVED, SUSPENDED])
def test_an_amendment_to_the_same_words_changes_nothing(vendor: Vendor) -> None:
    """Named as it is, or not named, a field gives no event, and no review is void for it."""
    same = AmendVendor(vendor_id=ID, name=APPLICATION.name, categories=APPLICATION.categories)
    for command in (AmendVendor(vendor_id=ID), same):
        assert decide(command, vendor, NOW) == ()


def test_a_rejected_application_is_not_even_amended_to_the_same_words() -> None:
    """A rejected vendor applies again instead."""
    refused = decide(AmendVendor(vendor_id=ID), REJECTED, NOW)
    assert code_of(refused) == (RefusalKind.CONFLICT, "vendor-rejected")


@pytest.mark.parametrize("vendor", [APPLIED, APPROVED, REJECTED, SUSPENDED])
@pytest.mark.parametrize("name", ["amend", "reapply"])
def test_an_applicant_finds_its_own_application_alone(name: str, vendor: Vendor) -> None:
    """What somebody else applied for is not there, whatever its state; its own is."""
    command = COMMANDS[name]
    assert code_of(decide(replace(command, applied_by="dora"), vendor, NOW)) == NOT_FOUND
    assert decide(replace(command, applied_by="dana"), vendor, NOW) == decide(command, vendor, NOW)


@pytest.mark.parametrize(
    ("vendor", "missing"),
    [
        (APPLIED, ["security", "compliance"]),
        (replace(REVIEWED, reviews=PASSED[:1]), ["compliance"]),
        (replace(REVIEWED, reviews=PASSED[1:]), ["security"]),
        (replace(REVIEWED, reviews=(*PASSED, review(ReviewKind.SECURITY, Verdict.FAIL))), ["security"]),
        (replace(REVIEWED, reviews_void=2), ["security", "compliance"]),
        (replace(REVIEWED, reviews_void=1), ["security"]),
    ],
)
def test_an_approval_needs_both_reviews_of_this_application(vendor: Vendor, missing: list[str]) -> None:
    """A refusal names each review that is missing, and no other."""
    outcome = decide(APPROVE, vendor, NOW)
    assert code_of(outcome) == (RefusalKind.CONFLICT, "reviews-missing")
    named = [kind.value for kind in ReviewKind if kind.value in getattr(outcome, "detail", "")]
    assert named == missing


@pytest.mark.parametrize(("late", "is_taken"), [(-MOMENT, True), (timedelta(0), False), (MOMENT, False)])
def test_an_approval_needs_reviews_that_have_not_lapsed(late: timedelta, is_taken: bool) -> None:
    """Up to the instant of the lapse they hold, at it and after it they do not."""
    outcome = decide(APPROVE, REVIEWED, NOW + REVIEWS_VALID_FOR + late)
    assert (outcome == (APPROVAL,)) is is_taken
    if not is_taken:
        assert code_of(outcome) == (RefusalKind.CONFLICT, "reviews-missing")


JUDGEMENTS = [each for each in COMMANDS.values() if isinstance(each, VendorJudgement)]


@pytest.mark.parametrize("vendor", [each for each in STATES.values() if each is not None])
@pytest.mark.parametrize("judgement", JUDGEMENTS)
def test_nobody_judges_what_is_their_own(vendor: Vendor, judgement: VendorJudgement) -> None:
    """Who applied, and who has ever spoken for the vendor, judges nothing about it, in whatever state."""
    own = (RefusalKind.CONFLICT, "own-application")
    applied = replace(judgement, reviewer=vendor.applicant)
    assert code_of(decide(applied, vendor, NOW)) == own
    assert code_of(decide(judgement, vendor, NOW, speakers={"rita"})) == own
    assert decide(judgement, vendor, NOW, speakers={"ritam"}) == decide(judgement, vendor, NOW)


def test_each_judgement_is_tried() -> None:
    """The table of commands has every judgement that there is."""
    assert {type(each) for each in JUDGEMENTS} == set(get_args(VendorJudgement))


@pytest.mark.parametrize("vendor", [APPROVED, SUSPENDED])
def test_a_vendor_does_not_review_itself_anew(vendor: Vendor) -> None:
    """What keeps an approval from lapsing is not the applicant's word either."""
    outcome = decide(replace(FAIL_SECURITY, reviewer="dana"), vendor, NOW)
    assert code_of(outcome) == (RefusalKind.CONFLICT, "own-application")


@pytest.mark.parametrize(
    ("valid_for", "warn_at"),
    [
        (timedelta(days=365), NOW + timedelta(days=335)),
        (timedelta(days=30) + MOMENT, NOW + MOMENT),
        (timedelta(days=30), NOW),
        (timedelta(days=7), NOW),
    ],
)
def test_a_review_says_when_it_lapses_and_when_to_warn(valid_for: timedelta, warn_at: datetime) -> None:
    """30 days before, or at once where it is good for less."""
    outcome = decide(replace(FAIL_SECURITY, valid_for=valid_for), APPLIED, NOW)
    assert outcome == (replace(REVIEW, lapses_at=NOW + valid_for, warn_at=warn_at),)
