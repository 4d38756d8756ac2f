"""An explanation: every check with how it went, and what would have to change, in words."""

import pytest
from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.dry_run import DryRunRequest
from keyfold.domain.access.explanation import explain
from keyfold.domain.access.find_remedy import Outcome
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.permissions import Access, Category
from tests.support.domain.cases import FAULTS, NOT_OF_CASES, case_with
from tests.support.domain.given import APPLIED, REJECTED, SUSPENDED

UNKNOWN, PASSED, FAILED, NOT_APPLICABLE = (
    Outcome.UNKNOWN,
    Outcome.PASSED,
    Outcome.FAILED,
    Outcome.NOT_APPLICABLE,
)


def outcomes(*faults: Reason, by_vendor: bool = False) -> dict[Reason, Outcome]:
    """Return how each check of a case with these faults goes."""
    explanation = explain(case_with(set(faults), by_vendor=by_vendor))
    return {each.check: each.outcome for each in explanation.checks}


def after_stale() -> set[Reason]:
    """Return the checks that only a real request is put to."""
    return set(list(Reason)[list(Reason).index(Reason.STALE) + 1 :])


def test_an_allow_has_passed_every_check_that_applies() -> None:
    """Where all is well nothing has to change, and only what is never asked of ids has not passed."""
    explanation = explain(case_with(set()))
    assert (explanation.reason, explanation.changes) == (None, ())
    assert [each.check for each in explanation.checks] == list(Reason)
    for each in explanation.checks:
        if each.check in NOT_OF_CASES:
            assert each.outcome is NOT_APPLICABLE
        else:
            assert each.outcome is (UNKNOWN if each.check in after_stale() else PASSED)


@pytest.mark.parametrize("reason", FAULTS)
def test_each_fault_alone_fails_its_own_check(reason: Reason) -> None:
    """One fault is one failed check and one change, whatever else cannot be told then."""
    explanation = explain(case_with({reason}))
    assert explanation.reason is reason
    assert [each.check for each in explanation.checks if each.outcome is FAILED] == [reason]
    assert [each.check for each in explanation.changes] == [reason]


def test_every_fault_is_told_at_once() -> None:
    """A reason hides no other fault: what can be told of the rest is told too."""
    found = outcomes(Reason.VENDOR_SUSPENDED, Reason.INTEGRATIONS_DISABLED, Reason.READ_ONLY, Reason.STALE)
    assert [check for check, outcome in found.items() if outcome is FAILED] == [
        Reason.VENDOR_SUSPENDED,
        Reason.INTEGRATIONS_DISABLED,
        Reason.READ_ONLY,
        Reason.STALE,
    ]


def test_what_a_revoked_key_might_have_done_is_unknown() -> None:
    """A revoked key has no expiry, networks, vendors or permissions left; its account keeps its switch."""
    found = outcomes(Reason.SUBSCRIBER_KEY_REVOKED, Reason.INTEGRATIONS_DISABLED)
    assert {check for check, outcome in found.items() if outcome is UNKNOWN} == after_stale() | {
        Reason.SUBSCRIBER_KEY_EXPIRED,
        Reason.NETWORK_NOT_ALLOWED,
        Reason.VENDOR_NOT_PERMITTED,
        Reason.CATEGORY_DENIED,
        Reason.READ_ONLY,
    }
    assert found[Reason.INTEGRATIONS_DISABLED] is FAILED


def test_what_an_unreadable_path_asks_for_is_unknown() -> None:
    """Where it cannot be told what a request is about, neither can whether the key may do it."""
    beyond = {Reason.CATEGORY_DENIED, Reason.READ_ONLY}
    for reason in (Reason.AMBIGUOUS_REQUEST, Reason.UNMAPPED_ROUTE):
        found = outcomes(reason, Reason.CATEGORY_DENIED)
        assert {found[check] for check in beyond} == {UNKNOWN}


def test_a_category_without_access_is_not_one_to_be_only_read() -> None:
    """Of the two checks of a permission one fails, and the grant that is asked for mends both."""
    found = outcomes(Reason.CATEGORY_DENIED)
    assert (found[Reason.CATEGORY_DENIED], found[Reason.READ_ONLY]) == (FAILED, NOT_APPLICABLE)


def test_by_vendor_any_key_of_its_own_stands() -> None:
    """Whoever names a vendor asks nothing about its keys; a revoked one does not matter."""
    found = outcomes(Reason.VENDOR_KEY_REVOKED, by_vendor=True)
    assert found[Reason.VENDOR_KEY_REVOKED] is NOT_APPLICABLE
    assert FAILED not in found.values()
    nobody = outcomes(Reason.UNKNOWN_VENDOR_KEY, by_vendor=True)
    assert nobody[Reason.UNKNOWN_VENDOR_KEY] is FAILED
    assert nobody[Reason.VENDOR_KEY_REVOKED] is NOT_APPLICABLE


def test_by_category_no_path_is_checked() -> None:
    """A question about a category and an access needs no route."""
    request = DryRunRequest(category=Category.FINANCIAL, access=Access.WRITE)
    explanation = explain(replace(case_with(set()), request=request))
    found = {each.check: each.outcome for each in explanation.checks}
    assert explanation.reason is Reason.CATEGORY_DENIED
    assert {found[Reason.AMBIGUOUS_REQUEST], found[Reason.UNMAPPED_ROUTE]} == {NOT_APPLICABLE}
    assert [each.change for each in explanation.changes] == ["Grant write to financial."]
    reading = explain(replace(case_with(set()), request=replace(request, access=Access.READ)))
    assert [each.change for each in reading.changes] == ["Grant read to financial."]


@pytest.mark.parametrize(
    ("vendor", "words"), [(APPLIED, "Approve"), (REJECTED, "apply again"), (SUSPENDED, "Reinstate")]
)
def test_a_vendor_is_mended_as_its_state_wants(vendor: Vendor, words: str) -> None:
    """What a reviewer can do depends on where the vendor stands."""
    case = replace(case_with(set()), vendors={vendor.vendor_id: vendor})
    (change,) = explain(case).changes
    assert (change.check, change.by) == (Reason.VENDOR_SUSPENDED, "reviewer")
    assert words in change.change


def test_without_an_address_the_caller_is_asked_for_one() -> None:
    """A key for some networks is denied where no address is told, and the change says where it works."""
    (change,) = explain(replace(case_with(set()), client_ip=None)).changes
    assert (change.check, change.by) == (Reason.NETWORK_NOT_ALLOWED, "caller")
    assert "client_ip" in change.change
    assert "203.0.113.0/24" in change.change


def test_changes_are_plain_sentences() -> None:
    """Every change is a sentence to a person, and none names a stand-in or the digest of a secret."""
    for fault in FAULTS:
        for change in explain(case_with({fault})).changes:
            assert change.change.endswith(".")
            assert "None" not in change.change
            assert "b'" not in change.change
