"""A decision in words: why it was so, what would change it and who can, for every reason there is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event_explanation import explain_event
from keyfold.domain.access.explanation import explain
from keyfold.domain.permissions import Access, Category
from tests.support.access_events import access_event
from tests.support.domain.cases import FAULTS, case_with
from tests.support.domain.given import APPROVED

ABOUT_IDS = {Reason.UNKNOWN_VENDOR_KEY, Reason.UNKNOWN_SUBSCRIBER_KEY}
"""A dry run names ids and a request presents secrets: here the two say different things."""


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("is_bare", [False, True])
def test_every_denial_has_a_sentence_and_a_remedy(reason: Reason, is_bare: bool) -> None:
    """Whatever an event was denied for, and however little it says, both are whole sentences."""
    event = access_event(1, reason=reason)
    if is_bare:
        event = replace(event, category=None, access=None, vendor_id=None, client_ip=None)
    explained = explain_event(event)
    assert explained.sentence.startswith("Denied: ")
    assert explained.remedy is not None
    for sentence in (explained.sentence, explained.remedy.change):
        assert sentence.endswith(".")
        assert "None" not in sentence
        assert "{" not in sentence


def test_an_allowed_one_has_a_sentence_too() -> None:
    """Of what was allowed it is said by which grant, and nothing has to change."""
    explained = explain_event(access_event(1, category=Category.CLINICAL, access=Access.WRITE))
    assert (
        explained.sentence == "Allowed: both keys worked, and the subscriber key granted write to clinical."
    )
    assert explained.remedy is None


def test_many_are_said_to_be_many() -> None:
    """An event that is the record of many requests says of how many."""
    explained = explain_event(access_event(1, reason=Reason.MALFORMED_KEY, requests=1204))
    assert explained.sentence.startswith("Denied 1,204 times within a second: a key was not in its form")


def test_a_reason_of_tomorrow_is_named_and_not_guessed() -> None:
    """Who decided may be newer: its reason is shown as it is, and no remedy is made up for it."""
    explained = explain_event(access_event(1, reason="moon_phase"))
    assert explained.sentence == "Denied: moon_phase, a reason that is not known here yet."
    assert explained.remedy is None


@pytest.mark.parametrize("reason", [each for each in FAULTS if each not in ABOUT_IDS])
def test_a_dry_run_says_the_same(reason: Reason) -> None:
    """What has to change, and who can, is said of a request as it is of a dry run of it, by the same code.

    A dry run knows more: the networks that a key works from.
    """
    case = case_with({reason})
    event = access_event(
        1,
        reason=reason,
        category=case.request.category,
        access=case.request.access,
        vendor_id=APPROVED.vendor_id,
        client_ip=case.client_ip,
    )
    (change,) = explain(case).changes
    remedy = explain_event(event).remedy
    assert remedy is not None
    assert (change.change.partition(":")[0].rstrip("."), change.by) == (
        remedy.change.partition(":")[0].rstrip("."),
        remedy.by,
    )
