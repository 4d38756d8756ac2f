"""A subscriber key's history: what each event changes of it, and what cannot follow."""

from typing import get_args

import pytest
from msgspec.structs import fields, replace

from keyfold.domain.ids import AccountId, KeyId
from keyfold.domain.lifecycle.subscriber_key import (
    RevokedSubscriberKey,
    SubscriberKey,
    SubscriberKeyEvent,
    evolve,
)
from keyfold.domain.rate_limit import RateLimit
from keyfold.domain.refusal import ImpossibleEvent
from keyfold.domain.secret import REPLACED_BYTES, OutgoingSecret
from tests.support.domain.given import EARLIER, KEY, LATER, MOMENT, NEW_DIGEST, NOW, OLD_SECRET, REVOKED_KEY
from tests.support.domain.key_events import (
    CHANGED,
    CREATED,
    ENDED,
    LIMITED,
    NARROWED,
    PACED,
    PLACED,
    REMINDED,
    RENAMED,
    REVOKED,
    ROTATED,
)

LATER_EVENTS: tuple[SubscriberKeyEvent, ...] = (
    RENAMED,
    CHANGED,
    NARROWED,
    PLACED,
    PACED,
    LIMITED,
    REMINDED,
    ROTATED,
    ENDED,
    REVOKED,
)
NEW_SECRET = replace(
    KEY, digest=NEW_DIGEST, secret_hint=ROTATED.secret_hint, replaced=(KEY.digest[-REPLACED_BYTES:],)
)
BESIDE_NEW = OutgoingSecret(digest=KEY.digest, secret_hint=KEY.secret_hint, works_until=LATER)


def test_every_event_is_tried_here() -> None:
    """No event of a subscriber key is forgotten by these tests."""
    assert {type(event) for event in (CREATED, *LATER_EVENTS)} == set(get_args(SubscriberKeyEvent))


def test_a_key_is_expired_from_the_instant_on() -> None:
    """Up to the instant it works, at the instant and after it does not; without an expiry it never stops."""
    key = replace(KEY, expires_at=NOW)
    assert [key.is_expired(now) for now in (NOW - MOMENT, NOW, LATER)] == [False, True, True]
    assert not KEY.is_expired(LATER)


def test_a_history_starts_with_a_creation() -> None:
    """A key is what its creation says, all of it."""
    limited = replace(
        CREATED,
        vendor_ids=NARROWED.vendor_ids,
        networks=PLACED.networks,
        rate_limit=PACED.rate_limit,
        expires_at=LIMITED.expires_at,
        reminders=LIMITED.reminders,
    )
    assert evolve(None, CREATED) == KEY
    assert evolve(None, limited) == replace(
        KEY,
        vendor_ids=NARROWED.vendor_ids,
        networks=PLACED.networks,
        rate_limit=PACED.rate_limit,
        expires_at=LIMITED.expires_at,
        reminders=LIMITED.reminders,
    )


@pytest.mark.parametrize(
    ("event", "after"),
    [
        (RENAMED, replace(KEY, name="Other")),
        (CHANGED, replace(KEY, permissions=CHANGED.permissions)),
        (NARROWED, replace(KEY, vendor_ids=NARROWED.vendor_ids)),
        (PLACED, replace(KEY, networks=PLACED.networks)),
        (PACED, replace(KEY, rate_limit=RateLimit.of(100, 60, 200))),
        (LIMITED, replace(KEY, expires_at=LIMITED.expires_at, reminders=LIMITED.reminders)),
        (ROTATED, replace(NEW_SECRET, outgoing=BESIDE_NEW)),
        (replace(ROTATED, overlap_ends_at=None), NEW_SECRET),
        (REVOKED, REVOKED_KEY),
    ],
)
def test_a_history_changes_what_its_events_name(event: SubscriberKeyEvent, after: SubscriberKey) -> None:
    """Each event changes its own field; a revoked key keeps what its use is attributed by."""
    assert evolve(KEY, event) == after


def test_a_rotation_in_an_overlap_ends_it() -> None:
    """There are never more than two secrets: the one before the last is gone at once."""
    in_overlap = replace(KEY, outgoing=OLD_SECRET)
    assert evolve(in_overlap, ROTATED) == replace(NEW_SECRET, outgoing=BESIDE_NEW)
    assert evolve(in_overlap, replace(ROTATED, overlap_ends_at=None)) == NEW_SECRET


def test_the_end_of_an_overlap_forgets_the_old_secret_alone() -> None:
    """The secret that the key has now is untouched."""
    assert evolve(replace(KEY, outgoing=OLD_SECRET), ENDED) == KEY


def test_a_reminder_counts_for_every_one_due_by_then() -> None:
    """Those at or before the moment are done with; those after it are still to come."""
    reminders = (EARLIER, NOW, NOW + MOMENT, LATER)
    key = replace(KEY, expires_at=LATER, reminders=reminders)
    assert evolve(key, REMINDED) == replace(key, reminders=reminders[2:])
    assert evolve(key, replace(REMINDED, reminded_at=LATER)) == replace(key, reminders=())


def test_another_expiry_sets_its_reminders_anew() -> None:
    """The reminders of the expiry before are forgotten."""
    key = replace(KEY, expires_at=LATER, reminders=(EARLIER, NOW))
    assert evolve(key, replace(LIMITED, expires_at=None, reminders=())) == KEY


def test_a_revoked_key_has_no_second_secret() -> None:
    """Revoked in an overlap, nothing of the old secret is left to open anything with."""
    revoked = evolve(replace(KEY, outgoing=OLD_SECRET), REVOKED)
    assert revoked == REVOKED_KEY
    assert "outgoing" not in {field.name for field in fields(RevokedSubscriberKey)}


def test_earlier_secrets_stay_known_also_of_a_revoked_key() -> None:
    """Whoever tries one that was replaced can be told, whatever has become of the key since."""
    replaced = evolve(KEY, ROTATED).replaced
    assert replaced == (KEY.digest[-REPLACED_BYTES:],)
    assert evolve(replace(KEY, replaced=replaced), REVOKED) == replace(REVOKED_KEY, replaced=replaced)


@pytest.mark.parametrize("event", LATER_EVENTS)
def test_what_cannot_follow_is_a_broken_history(event: SubscriberKeyEvent) -> None:
    """Nothing follows a revocation, precedes a creation, or happens to another's key."""
    strangers = (
        replace(KEY, key_id=KeyId("key_other")),
        replace(KEY, account_id=AccountId("acc_2")),
    )
    for key in (None, REVOKED_KEY, *strangers):
        with pytest.raises(ImpossibleEvent, match=type(event).__name__):
            evolve(key, event)


@pytest.mark.parametrize("key", [KEY, REVOKED_KEY])
def test_a_second_creation_is_a_broken_history(key: SubscriberKey) -> None:
    """A key is created once."""
    with pytest.raises(ImpossibleEvent, match="SubscriberKeyCreated"):
        evolve(key, CREATED)
