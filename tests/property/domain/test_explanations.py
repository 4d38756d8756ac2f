"""Explanations and decisions: the first failed check is the reason, and all the changes together allow."""

from __future__ import annotations

from collections.abc import Mapping, Set

from hypothesis import given
from hypothesis import strategies as st

from keyfold.domain.access.decision import AccessRequest, Reason, decide_access
from keyfold.domain.access.explanation import Explanation, explain
from keyfold.domain.access.find_remedy import Outcome
from keyfold.domain.access.key_proof import Credential
from tests.support.domain.cases import FAULTS, ROUTES, case_with, state_with
from tests.support.domain.given import KEY, NOW, VENDOR_KEY

faults = st.frozensets(st.sampled_from(FAULTS))
_TARGETS: Mapping[Reason | None, str] = {
    None: "/v1/appointment/7",
    Reason.UNMAPPED_ROUTE: "/v2/x",
    Reason.AMBIGUOUS_REQUEST: "/v1/appointment/../patient",
}


def decided_with_secrets(present: Set[Reason]) -> Reason | None:
    """Return the reason of the real thing: keys whose secrets are presented, and the same faults."""
    wrong = Credential(KEY.key_id, bytes(32))
    on_path = (Reason.AMBIGUOUS_REQUEST, Reason.UNMAPPED_ROUTE)
    request = AccessRequest(
        vendor_key=wrong
        if Reason.UNKNOWN_VENDOR_KEY in present
        else Credential(VENDOR_KEY.key_id, VENDOR_KEY.digest),
        subscriber_key=wrong
        if Reason.UNKNOWN_SUBSCRIBER_KEY in present
        else Credential(KEY.key_id, KEY.digest),
        method="DELETE",
        target=_TARGETS[next((reason for reason in on_path if reason in present), None)],
        client_ip="198.51.100.7" if Reason.NETWORK_NOT_ALLOWED in present else "203.0.113.7",
    )
    held = Reason.STALE not in present
    return decide_access(request, state_with(present), ROUTES, NOW, lease_held=held).reason


def failed(explanation: Explanation) -> list[Reason]:
    """Return the failed checks in their order."""
    return [each.check for each in explanation.checks if each.outcome is Outcome.FAILED]


@given(faults)
def test_the_first_failed_check_is_the_reason_that_a_request_would_get(present: frozenset[Reason]) -> None:
    """A dry run by id gives what the same keys would get with their secrets, and says it first."""
    explanation = explain(case_with(present))
    assert explanation.reason is decided_with_secrets(present)
    assert failed(explanation)[:1] == ([] if explanation.reason is None else [explanation.reason])
    assert [each.check for each in explanation.changes] == failed(explanation)


@given(faults)
def test_what_comes_before_the_reason_has_passed(present: frozenset[Reason]) -> None:
    """The checks are in order: all of those before the reason that apply have passed."""
    explanation = explain(case_with(present))
    for each in explanation.checks:
        if each.check is explanation.reason:
            break
        assert each.outcome in {Outcome.PASSED, Outcome.NOT_APPLICABLE} or explanation.reason is None


@given(faults)
def test_all_the_changes_together_allow_and_none_can_be_left_out(present: frozenset[Reason]) -> None:
    """Once everything named was changed the request passes, save for what was said to be unknown.

    A change that is left out is what the request would still be denied for.
    """
    explanation = explain(case_with(present))
    changed = {each.check for each in explanation.changes}
    unknown = {each.check for each in explanation.checks if each.outcome is Outcome.UNKNOWN}
    # A grant is for the access that was asked for: to a key that has none it mends both checks.
    granted = {Reason.READ_ONLY} if Reason.CATEGORY_DENIED in changed else set[Reason]()
    assert decided_with_secrets(present - changed - unknown - granted) is None
    for left_out in changed:
        assert decided_with_secrets({left_out}) is left_out
