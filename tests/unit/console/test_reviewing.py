"""What a reviewer may do, and what a vendor is told that it lacks, as the registry decides it."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from keyfold.console.reviewer.may import why_not
from keyfold.console.vendor.application import FIELDS, ApplicationForm, amendable
from keyfold.console.vendor.standing import missing_reviews
from keyfold.domain.lifecycle.vendor import ReviewKind, Vendor, VendorState, Verdict
from keyfold.domain.lifecycle.vendor_commands import AmendVendor, VendorCommand, decide
from keyfold.domain.lifecycle.vendor_judgement import (
    ApproveVendor,
    ReinstateVendor,
    RejectVendor,
    ReviewVendor,
    SuspendVendor,
)
from keyfold.domain.lifecycle.vendor_key_commands import IssueVendorKey
from keyfold.domain.lifecycle.vendor_key_commands import decide as decide_key
from keyfold.domain.refusal import Refusal
from keyfold.registry.vendors.resources import reviewed_vendor
from tests.support.domain.given import APPLIED, NOW, REVIEWS_VALID_FOR, VENDOR_KEY, review

LONG_AGO = NOW - REVIEWS_VALID_FOR - timedelta(days=1)
_MADE = (None, *((verdict, at) for verdict in Verdict for at in (NOW, LONG_AGO)))
REVIEWERS = ("rita", APPLIED.applicant)


def _vendors() -> Iterator[Vendor]:
    """Yield a vendor in each state, with each kind of review missing, failed, passed, lapsed and void."""
    for state, security, compliance, void in product(VendorState, _MADE, _MADE, (0, 2)):
        given = ((ReviewKind.SECURITY, security), (ReviewKind.COMPLIANCE, compliance))
        reviews = tuple(review(kind, each[0], at=each[1]) for kind, each in given if each is not None)
        yield replace(APPLIED, state=state, reviews=reviews, reviews_void=min(void, len(reviews)))


def _shown(vendor: Vendor) -> dict[str, Any]:
    shown: dict[str, Any] = reviewed_vendor(vendor, 1).model_dump(mode="json")
    return shown


def _is_done(command: VendorCommand, vendor: Vendor) -> bool:
    """Tell whether a command changes something: repeating what is so already does not."""
    outcome = decide(command, vendor, NOW)
    return not isinstance(outcome, Refusal) and outcome != ()


def _reviewing(kind: ReviewKind, reviewer: str) -> ReviewVendor:
    return ReviewVendor(
        vendor_id=APPLIED.vendor_id,
        kind=kind,
        verdict=Verdict.PASS,
        notes="",
        reviewer=reviewer,
        valid_for=REVIEWS_VALID_FOR,
    )


@pytest.mark.parametrize("reviewer", REVIEWERS)
def test_only_what_the_registry_refuses_is_disabled(reviewer: str) -> None:
    """An action is disabled exactly when the registry would refuse it, or do nothing."""
    for vendor in _vendors():
        disabled = why_not(_shown(vendor), reviewer, NOW)
        commands: dict[str, VendorCommand] = {
            "security": _reviewing(ReviewKind.SECURITY, reviewer),
            "compliance": _reviewing(ReviewKind.COMPLIANCE, reviewer),
            "approve": ApproveVendor(vendor_id=vendor.vendor_id, reviewer=reviewer),
            "reject": RejectVendor(vendor_id=vendor.vendor_id, reviewer=reviewer, reason="no"),
            "suspend": SuspendVendor(vendor_id=vendor.vendor_id, reviewer=reviewer, reason="no"),
            "reinstate": ReinstateVendor(vendor_id=vendor.vendor_id, reviewer=reviewer),
        }
        for action, command in commands.items():
            assert (action not in disabled) == _is_done(command, vendor), (action, vendor)
        issue = IssueVendorKey(
            vendor_id=vendor.vendor_id,
            reviewer=reviewer,
            key_id=VENDOR_KEY.key_id,
            digest=b"",
            secret_hint="",
        )
        assert ("issue" in disabled) == isinstance(decide_key(issue, None, vendor, NOW), Refusal), vendor


def test_what_is_disabled_says_why() -> None:
    """The reason names the reviews that are missing, failed or lapsed, and who may not judge."""
    applied = _shown(APPLIED)
    said = why_not(applied, "rita", NOW)["approve"]
    assert said == (
        "Both reviews must have passed: the security review is missing and the compliance review is missing."
    )
    reviews = (review(ReviewKind.SECURITY, Verdict.FAIL), review(ReviewKind.COMPLIANCE))
    failed = replace(APPLIED, reviews=reviews)
    assert why_not(_shown(failed), "rita", NOW)["approve"].endswith(": the security review failed.")
    assert "another reviewer" in why_not(applied, APPLIED.applicant, NOW)["security"]


def test_what_is_outstanding_is_what_an_approval_lacks() -> None:
    """A vendor is told exactly those reviews without which it cannot be approved."""
    for vendor in _vendors():
        assert tuple(missing_reviews(_shown(vendor), NOW)) == vendor.missing_reviews(NOW)


def test_what_may_be_amended_is_what_the_registry_takes() -> None:
    """The form of an amendment has the fields that may change in that state, and no others."""
    other: dict[str, Any] = {
        "name": "Other",
        "contact_email": "o@other.example",
        "website": "https://other.example",
        "intended_use": "Other",
        "categories": ("files",),
    }
    for state, name in product(VendorState, FIELDS):
        amend = AmendVendor(vendor_id=APPLIED.vendor_id, **{name: other[name]})
        is_done = _is_done(amend, replace(APPLIED, state=state))
        assert is_done == (name in amendable(state)), (state, name)


def test_what_is_typed_is_kept_and_judged() -> None:
    """Each fault that the page can see, and for which the registry refuses a field, has its own sentence."""
    typed = ApplicationForm(name="", contact_email="nobody", website="ftp://x", intended_use="x" * 4001)
    assert set(typed.faults(FIELDS)) == set(FIELDS)
    assert ApplicationForm.of_vendor(_shown(APPLIED)).faults(FIELDS) == {}
