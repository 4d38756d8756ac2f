"""What time alone brings about: each thing recorded once, when it is due, however late anybody looks."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from keyfold.domain.lifecycle import (
    subscriber_key,
    subscriber_key_commands,
    vendor,
    vendor_commands,
    vendor_key,
    vendor_key_commands,
)
from keyfold.domain.lifecycle.deadlines import due_at
from keyfold.domain.lifecycle.subscriber_key import (
    ActiveSubscriberKey,
    SubscriberKey,
    SubscriberKeyEvent,
    SubscriberKeyExpiryNear,
    SubscriberKeyOverlapEnded,
)
from keyfold.domain.lifecycle.vendor import (
    ReviewKind,
    Vendor,
    VendorEvent,
    VendorReviewsLapseNear,
    VendorState,
    Verdict,
)
from keyfold.domain.lifecycle.vendor_key import VendorKeyOverlapEnded
from keyfold.domain.refusal import Refusal
from keyfold.domain.secret import OutgoingSecret
from tests.support.domain.given import (
    APPLIED,
    APPROVED,
    KEY,
    LATER,
    MOMENT,
    NOW,
    OLD_SECRET,
    OPEN,
    PASSED,
    REJECTED,
    REVIEWED,
    REVIEWS_VALID_FOR,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    SUSPENDED,
    VENDOR_KEY,
    review,
)

DAY = timedelta(days=1)
EXPIRES_AT = NOW + 20 * DAY
FIRST, SECOND = EXPIRES_AT - 14 * DAY, EXPIRES_AT - 3 * DAY
EXPIRING = replace(KEY, expires_at=EXPIRES_AT, reminders=(FIRST, SECOND))
IN_OVERLAP = replace(KEY, outgoing=OLD_SECRET)
ENDED = SubscriberKeyOverlapEnded(key_id=KEY.key_id, account_id=KEY.account_id, ended_at=LATER)
LAPSE = NOW + REVIEWS_VALID_FOR
WARN_AT = LAPSE - 30 * DAY
PASS_KEY_TIME = subscriber_key_commands.PassSubscriberKeyTime(account_id=OPEN.account_id, key_id=KEY.key_id)
PASS_VENDOR_TIME = vendor_commands.PassVendorTime(vendor_id=APPROVED.vendor_id)
PASS_VENDOR_KEY_TIME = vendor_key_commands.PassVendorKeyTime(
    vendor_id=APPROVED.vendor_id, key_id=VENDOR_KEY.key_id
)


def reminded(at: datetime, expires_at: datetime = EXPIRES_AT) -> SubscriberKeyExpiryNear:
    """Return the reminder that is given at a time."""
    return SubscriberKeyExpiryNear(
        key_id=KEY.key_id, account_id=KEY.account_id, expires_at=expires_at, reminded_at=at
    )


def warned(at: datetime, lapses_at: datetime = LAPSE) -> VendorReviewsLapseNear:
    """Return the warning that is given at a time."""
    return VendorReviewsLapseNear(vendor_id=APPROVED.vendor_id, lapses_at=lapses_at, warned_at=at)


def after_key(key: SubscriberKey, at: datetime) -> tuple[SubscriberKey, tuple[SubscriberKeyEvent, ...]]:
    """Return a subscriber key when time has passed, and what has happened to it by that."""
    events = subscriber_key_commands.decide(PASS_KEY_TIME, key, OPEN, at)
    assert not isinstance(events, Refusal)
    for event in events:
        key = subscriber_key.evolve(key, event)
    return key, events


def after_vendor(held: Vendor, at: datetime) -> tuple[Vendor, tuple[VendorEvent, ...]]:
    """Return a vendor when time has passed, and what has happened to it by that."""
    events = vendor_commands.decide(PASS_VENDOR_TIME, held, at)
    assert not isinstance(events, Refusal)
    for event in events:
        held = vendor.evolve(held, event)
    return held, events


def reviewed(held: Vendor, kind: ReviewKind, at: datetime, verdict: Verdict = Verdict.PASS) -> Vendor:
    """Return a vendor after one more review."""
    return replace(held, reviews=(*held.reviews, review(kind, verdict, at=at)))


@pytest.mark.parametrize(
    ("key", "due"),
    [
        (KEY, None),
        (REVOKED_KEY, None),
        (IN_OVERLAP, LATER),
        (EXPIRING, FIRST),
        (replace(EXPIRING, reminders=(SECOND,)), SECOND),
        (replace(EXPIRING, reminders=()), None),
        (replace(EXPIRING, outgoing=OLD_SECRET), LATER),
        (replace(EXPIRING, outgoing=replace(OLD_SECRET, works_until=SECOND)), FIRST),
    ],
)
def test_a_key_is_due_at_the_first_of_what_awaits_it(key: SubscriberKey, due: datetime | None) -> None:
    """The end of an overlap or a reminder, whichever is earlier; a key's expiry needs no event."""
    assert due_at(key) == due


def test_a_vendor_key_is_due_when_its_overlap_ends() -> None:
    """A vendor key never expires, and a revoked one awaits nothing."""
    assert due_at(VENDOR_KEY) is None
    assert due_at(replace(VENDOR_KEY, outgoing=OLD_SECRET)) == LATER
    assert due_at(REVOKED_VENDOR_KEY) is None


@pytest.mark.parametrize(
    ("held", "due"),
    [
        (APPLIED, None),
        (REVIEWED, None),
        (REJECTED, None),
        (APPROVED, WARN_AT),
        (SUSPENDED, WARN_AT),
        (replace(APPROVED, warned_lapse_at=LAPSE), None),
    ],
)
def test_a_vendor_is_due_when_its_reviewers_are_to_be_warned(held: Vendor, due: datetime | None) -> None:
    """Only of one that was let in, and only until they are."""
    assert due_at(held) == due


def test_nothing_is_recorded_before_it_is_due() -> None:
    """A moment too early gives no event."""
    assert after_key(IN_OVERLAP, LATER - MOMENT) == (IN_OVERLAP, ())
    assert after_key(EXPIRING, FIRST - MOMENT) == (EXPIRING, ())
    assert after_vendor(APPROVED, WARN_AT - MOMENT) == (APPROVED, ())
    held = replace(VENDOR_KEY, outgoing=OLD_SECRET)
    assert vendor_key_commands.decide(PASS_VENDOR_KEY_TIME, held, APPROVED, LATER - MOMENT) == ()


@pytest.mark.parametrize("late", [timedelta(0), MOMENT, 1000 * DAY])
def test_an_overlap_ends_once_however_late_anybody_looks(late: timedelta) -> None:
    """The event says when the secret stopped, not when that was noticed; and there is no second one."""
    key, events = after_key(IN_OVERLAP, LATER + late)
    assert (key, events) == (KEY, (ENDED,))
    assert after_key(key, LATER + late) == (KEY, ())


@pytest.mark.parametrize("state", VendorState)
def test_a_vendor_keys_overlap_ends_once_whatever_became_of_the_vendor(state: VendorState) -> None:
    """A suspended vendor's old secret ends as well, so that a reinstatement does not revive it."""
    held = replace(APPROVED, state=state)
    ended = VendorKeyOverlapEnded(key_id=VENDOR_KEY.key_id, vendor_id=VENDOR_KEY.vendor_id, ended_at=LATER)
    key = replace(VENDOR_KEY, outgoing=OLD_SECRET)
    for late in (timedelta(0), DAY):
        assert vendor_key_commands.decide(PASS_VENDOR_KEY_TIME, key, held, LATER + late) == (ended,)
    after = vendor_key.evolve(key, ended)
    assert vendor_key_commands.decide(PASS_VENDOR_KEY_TIME, after, held, LATER + DAY) == ()


def test_each_reminder_is_given_at_its_time() -> None:
    """One 14 days before, and one 3 days before."""
    key, events = after_key(EXPIRING, FIRST)
    assert events == (reminded(FIRST),)
    assert after_key(key, SECOND - MOMENT) == (key, ())
    key, events = after_key(key, SECOND)
    assert events == (reminded(SECOND),)
    assert after_key(key, EXPIRES_AT) == (key, ())


@pytest.mark.parametrize("at", [SECOND, EXPIRES_AT, EXPIRES_AT + 100 * DAY])
def test_reminders_that_fell_due_while_nobody_looked_are_one(at: datetime) -> None:
    """An owner is told once of what is the same, and never again of that expiry."""
    key, events = after_key(EXPIRING, at)
    assert events == (reminded(at),)
    assert due_at(key) is None


def test_another_expiry_is_reminded_of_anew() -> None:
    """Whoever moves the expiry is reminded of the new one, though they were of the old one."""
    key, _ = after_key(EXPIRING, SECOND)
    moved_to = EXPIRES_AT + 30 * DAY
    edit = subscriber_key_commands.EditSubscriberKey(
        account_id=OPEN.account_id, key_id=KEY.key_id, expires_at=moved_to
    )
    events = subscriber_key_commands.decide(edit, key, OPEN, SECOND)
    assert not isinstance(events, Refusal)
    key = subscriber_key.evolve(key, events[0])
    assert due_at(key) == moved_to - 14 * DAY
    assert after_key(key, moved_to - 14 * DAY)[1] == (reminded(moved_to - 14 * DAY, moved_to),)


def test_all_that_is_due_is_recorded_at_once() -> None:
    """An overlap's end and a reminder of one key, in one go."""
    both = replace(EXPIRING, outgoing=OLD_SECRET)
    key, events = after_key(both, FIRST)
    assert events == (ENDED, reminded(FIRST))
    assert due_at(key) == SECOND


def test_a_rotation_in_an_overlap_moves_its_end() -> None:
    """The first overlap's end is no more awaited, the second one's is."""
    rotate = subscriber_key_commands.RotateSubscriberKey(
        account_id=OPEN.account_id,
        key_id=KEY.key_id,
        digest=bytes(32),
        secret_hint="h",
        overlap=7 * DAY,
    )
    events = subscriber_key_commands.decide(rotate, IN_OVERLAP, OPEN, NOW)
    assert not isinstance(events, Refusal)
    key = subscriber_key.evolve(IN_OVERLAP, events[0])
    assert isinstance(key, ActiveSubscriberKey)
    assert key.outgoing == OutgoingSecret(
        digest=KEY.digest, secret_hint=KEY.secret_hint, works_until=NOW + 7 * DAY
    )
    assert after_key(key, LATER) == (key, ())
    assert after_key(key, NOW + 7 * DAY)[1] == (replace(ENDED, ended_at=NOW + 7 * DAY),)


@pytest.mark.parametrize("held", [APPROVED, SUSPENDED])
@pytest.mark.parametrize("late", [timedelta(0), 1000 * DAY])
def test_reviewers_are_warned_once_of_a_lapse(held: Vendor, late: timedelta) -> None:
    """Two reviews that lapse together are one lapse; nothing but the warning happens, ever."""
    after, events = after_vendor(held, WARN_AT + late)
    assert events == (warned(WARN_AT + late),)
    assert after == replace(held, warned_lapse_at=LAPSE)
    assert after_vendor(after, LAPSE + 1000 * DAY) == (after, ())


def test_reviewers_are_warned_again_after_a_new_review() -> None:
    """A review that is repeated lapses again, a year on."""
    held, _ = after_vendor(APPROVED, WARN_AT)
    for kind in ReviewKind:
        held = reviewed(held, kind, WARN_AT + DAY)
    again = WARN_AT + DAY + REVIEWS_VALID_FOR
    assert due_at(held) == again - 30 * DAY
    held, events = after_vendor(held, again - 30 * DAY)
    assert events == (warned(again - 30 * DAY, again),)
    assert due_at(held) is None


def test_each_of_two_lapses_is_warned_of() -> None:
    """The second one too when the first was left to pass, and both where nobody looked in time."""
    held = reviewed(replace(APPROVED, reviews=PASSED[:1]), ReviewKind.COMPLIANCE, NOW + DAY)
    after, events = after_vendor(held, WARN_AT)
    assert events == (warned(WARN_AT),)
    assert due_at(after) == WARN_AT + DAY
    after, events = after_vendor(after, WARN_AT + DAY)
    assert events == (warned(WARN_AT + DAY, LAPSE + DAY),)
    assert due_at(after) is None
    assert after_vendor(held, LAPSE) == (after, (warned(LAPSE), warned(LAPSE, LAPSE + DAY)))


def test_a_failed_review_has_no_lapse() -> None:
    """What failed does not stop being good; what passed beside it still does."""
    held = reviewed(APPROVED, ReviewKind.SECURITY, NOW, Verdict.FAIL)
    assert after_vendor(held, WARN_AT)[1] == (warned(WARN_AT),)
    held = reviewed(held, ReviewKind.COMPLIANCE, NOW, Verdict.FAIL)
    assert due_at(held) is None
