"""History in an owner's words: every event has its sentence, and says what it changed and no secret."""

from collections.abc import Mapping
from typing import get_args

import pytest
from msgspec.structs import replace

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.account import AccountCreated, IntegrationsDisabled, IntegrationsEnabled
from keyfold.domain.lifecycle.aggregates import EVENT_TYPES
from keyfold.domain.lifecycle.fold import Aggregate, LifecycleEvent, evolve
from keyfold.domain.lifecycle.history import Difference, HistoryEntry, Value, describe
from keyfold.domain.lifecycle.signatures.seal_key import SealKey
from keyfold.domain.lifecycle.vendor import VendorApproved, VendorRejected, VendorSuspended
from keyfold.domain.permissions import CATEGORIES
from tests.support.domain import key_events as keys
from tests.support.domain import vendor_events as vendors
from tests.support.domain import vendor_key_events as vendor_keys
from tests.support.domain.checkpoints import CHECKPOINT, CHECKPOINTED
from tests.support.domain.given import (
    APPLIED,
    APPROVED,
    BOUND,
    ENDED,
    INVITED,
    KEY,
    LATER,
    NEW_DIGEST,
    NOW,
    OLD_SECRET,
    OPEN,
    PASSED,
    REJECTED,
    REVIEWED,
    SHUT,
    SUSPENDED,
    VENDOR_KEY,
    WITHDRAWN,
)
from tests.support.domain.identity_events import LET_IN, MADE, USED
from tests.support.lifecycle_events import seal_key_adopted

Changes = Mapping[str, tuple[Value, Value]]
ACCOUNT = SHUT.account_id
WORDS = {f"permissions.{category}": "none" for category in CATEGORIES} | {
    "permissions.appointment": "write",
    "permissions.patient": "read",
}
IN_OVERLAP, VENDOR_KEY_IN_OVERLAP = replace(KEY, outgoing=OLD_SECRET), vendor_keys.IN_OVERLAP
EXPIRING = replace(KEY, expires_at=LATER, reminders=(NOW,))
AMENDED: Changes = {
    "name": ("Recall Robot", "Recall Robot II"),
    "contact_email": ("dev@recall.example", "help@recall.example"),
    "website": ("https://recall.example", "https://www.recall.example"),
    "intended_use": ("Reminds patients of appointments", "Calls patients"),
    "categories": (("appointment", "patient"), ("contact",)),
}
VOID: Changes = {
    "reviews.security": ("pass", None),
    "reviews.compliance": ("pass", None),
    "reviews_lapse_at": (vendors.LAPSE, None),
}

CASES: list[tuple[Aggregate | None, LifecycleEvent, Changes]] = [
    (
        None,
        AccountCreated(account_id=ACCOUNT, name=SHUT.name),
        {"name": (None, SHUT.name), "integrations_enabled": (None, False)},
    ),
    (SHUT, IntegrationsEnabled(account_id=ACCOUNT), {"integrations_enabled": (False, True)}),
    (OPEN, IntegrationsDisabled(account_id=ACCOUNT), {"integrations_enabled": (True, False)}),
    (
        None,
        keys.CREATED,
        {
            "state": (None, "active"),
            "name": (None, KEY.name),
            **{field: (None, word) for field, word in WORDS.items()},
            "secret_hint": (None, KEY.secret_hint),
        },
    ),
    (KEY, keys.RENAMED, {"name": (KEY.name, "Other")}),
    (KEY, keys.CHANGED, {"permissions.patient": ("read", "none")}),
    (KEY, keys.NARROWED, {"vendor_ids": (None, ("ven_1",))}),
    (KEY, keys.PLACED, {"networks": (None, ("203.0.113.0/24",))}),
    (KEY, replace(keys.PLACED, networks=()), {"networks": (None, ())}),
    (KEY, keys.PACED, {"rate_limit": (None, "100 requests in 60 s, 200 at once")}),
    (EXPIRING, keys.LIMITED, {"expires_at": (LATER, keys.LIMITED.expires_at)}),
    (EXPIRING, keys.REMINDED, {}),
    (
        KEY,
        keys.ROTATED,
        {
            "secret_hint": (KEY.secret_hint, keys.ROTATED.secret_hint),
            "old_secret_works_until": (None, LATER),
        },
    ),
    (
        IN_OVERLAP,
        replace(keys.ROTATED, overlap_ends_at=None),
        {
            "secret_hint": (KEY.secret_hint, keys.ROTATED.secret_hint),
            "old_secret_works_until": (LATER, None),
        },
    ),
    (IN_OVERLAP, keys.ENDED, {"old_secret_works_until": (LATER, None)}),
    (
        replace(IN_OVERLAP, expires_at=LATER, vendor_ids=(VendorId("ven_1"),)),
        keys.REVOKED,
        {"state": ("active", "revoked")},
    ),
    (
        None,
        vendors.APPLICATION_MADE,
        {"state": (None, "applied"), **{field: (None, before) for field, (before, _) in AMENDED.items()}},
    ),
    (REVIEWED, vendors.AMENDMENT, {**AMENDED, **VOID}),
    (
        APPROVED,
        replace(vendors.AMENDMENT, name="Recall Robot"),
        {field: change for field, change in AMENDED.items() if field != "name"},
    ),
    (
        replace(REJECTED, reviews=PASSED),
        vendors.MADE_AGAIN,
        {"state": ("rejected", "applied"), **AMENDED, **VOID},
    ),
    (APPLIED, vendors.REVIEW, {"reviews.security": (None, "fail")}),
    (
        REVIEWED,
        vendors.REVIEW,
        {"reviews.security": ("pass", "fail"), "reviews_lapse_at": (vendors.LAPSE, None)},
    ),
    (APPROVED, vendors.LAPSE_NEAR, {}),
    (REVIEWED, vendors.APPROVAL, {"state": ("applied", "approved")}),
    (APPLIED, vendors.REJECTION, {"state": ("applied", "rejected")}),
    (APPROVED, vendors.SUSPENSION, {"state": ("approved", "suspended")}),
    (SUSPENDED, vendors.REINSTATEMENT, {"state": ("suspended", "approved")}),
    (None, vendor_keys.ISSUED, {"state": (None, "active"), "secret_hint": (None, VENDOR_KEY.secret_hint)}),
    (
        VENDOR_KEY,
        vendor_keys.ROTATED,
        {
            "secret_hint": (VENDOR_KEY.secret_hint, vendor_keys.ROTATED.secret_hint),
            "old_secret_works_until": (None, LATER),
        },
    ),
    (VENDOR_KEY_IN_OVERLAP, vendor_keys.ENDED, {"old_secret_works_until": (LATER, None)}),
    (
        VENDOR_KEY_IN_OVERLAP,
        vendor_keys.REVOKED,
        {"state": ("active", "revoked")},
    ),
    (
        None,
        LET_IN,
        {"state": (None, "bound"), "issuer": (None, BOUND.issuer), "subject": (None, BOUND.subject)},
    ),
    (
        BOUND,
        ENDED,
        {"state": ("bound", "ended"), "issuer": (BOUND.issuer, None), "subject": (BOUND.subject, None)},
    ),
    (None, MADE, {"state": (None, "open"), "expires_at": (None, LATER)}),
    (INVITED, USED, {"state": ("open", "used"), "used_by": (None, "log_1")}),
    (INVITED, WITHDRAWN, {"state": ("open", "withdrawn")}),
    (CHECKPOINT, CHECKPOINTED, {"position": ("7", "9")}),
    (
        SealKey(public_key=seal_key_adopted().previous),
        seal_key_adopted(),
        {"public_key": (seal_key_adopted().previous.hex(), seal_key_adopted().public_key.hex())},
    ),
]


def described(before: Aggregate | None, event: LifecycleEvent) -> HistoryEntry:
    """Return the entry of an event that happens to an aggregate."""
    return describe(before, event, evolve(before, event))


def test_every_event_is_tried_here() -> None:
    """No event is forgotten by these tests."""
    assert {type(event) for _, event, _ in CASES} == set(get_args(LifecycleEvent))


def test_every_event_has_a_sentence_of_its_own() -> None:
    """No event is without one, and no two have the same."""
    summaries = [EVENT_TYPES[event].summary for event in get_args(LifecycleEvent)]
    assert len(set(summaries)) == len(summaries) == len(EVENT_TYPES)
    assert all(summary[0].isupper() and not summary.endswith(".") for summary in summaries)


@pytest.mark.parametrize(("before", "event", "changes"), CASES)
def test_an_entry_says_what_the_event_changed(
    before: Aggregate | None, event: LifecycleEvent, changes: Changes
) -> None:
    """Each field that is another now, as it was and as it is, and none that stayed."""
    entry = described(before, event)
    assert entry.summary == EVENT_TYPES[type(event)].summary
    assert {change.field: (change.before, change.after) for change in entry.changes} == changes
    assert len(entry.changes) == len(changes)


@pytest.mark.parametrize(("before", "event", "_changes"), CASES)
def test_an_entry_holds_no_digest_and_no_notes(
    before: Aggregate | None, event: LifecycleEvent, _changes: Changes
) -> None:
    """Nothing to try secrets against, and nothing that is for reviewers alone."""
    text = repr(described(before, event))
    digests = (KEY.digest, VENDOR_KEY.digest, OLD_SECRET.digest, NEW_DIGEST)
    for secret in (*map(bytes.hex, digests), *map(repr, digests), PASSED[0].notes, PASSED[0].reviewer):
        assert secret not in text


def test_a_reason_that_somebody_gave_is_told() -> None:
    """A rejection and a suspension have one, whatever it says, and nothing else does."""
    reasons = {type(event): described(before, event).reason for before, event, _ in CASES}
    given = {event_class: reason for event_class, reason in reasons.items() if reason is not None}
    assert given == {VendorRejected: "no", VendorSuspended: "breach"}


def test_fields_stand_in_the_order_of_the_thing_itself() -> None:
    """What was there before comes first, in its order, then what is new."""
    entry = described(REVIEWED, vendors.AMENDMENT)
    assert [change.field for change in entry.changes] == [
        *AMENDED,
        "reviews.security",
        "reviews.compliance",
        "reviews_lapse_at",
    ]
    assert described(REVIEWED, VendorApproved(vendor_id=REVIEWED.vendor_id)).changes == (
        Difference(field="state", before="applied", after="approved"),
    )
