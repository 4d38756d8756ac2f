"""A decision while a rotation's overlap runs: both secrets open the same, and the old one dies by itself."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from msgspec import structs
from msgspec.structs import replace

from libs.domain.decision import Credential, Decision, Reason, decide_access
from libs.domain.state import State
from libs.domain.subscriber_key import SubscriberKey
from libs.domain.vendor_key import VendorKey
from tests.unit.domain.given import (
    APPROVED,
    EARLIER,
    KEY,
    LATER,
    MOMENT,
    NOW,
    OLD_SECRET,
    OPEN,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    VENDOR_KEY,
)
from tests.unit.domain.test_decision import ALLOWED, REQUEST, ROUTES

OLD_VENDOR_SECRET = replace(OLD_SECRET, digest=bytes(range(32)))
KEY_IN_OVERLAP = replace(KEY, outgoing=OLD_SECRET)
VENDOR_KEY_IN_OVERLAP = replace(VENDOR_KEY, outgoing=OLD_VENDOR_SECRET)
Decide = Callable[[SubscriberKey, VendorKey, datetime], Decision]


def with_old_secret(key: SubscriberKey, vendor_key: VendorKey, now: datetime) -> Decision:
    """Decide a request that presents the subscriber key's old secret."""
    return decided(key, vendor_key, now, subscriber_digest=OLD_SECRET.digest)


def with_old_vendor_secret(key: SubscriberKey, vendor_key: VendorKey, now: datetime) -> Decision:
    """Decide a request that presents the vendor key's old secret."""
    return decided(key, vendor_key, now, vendor_digest=OLD_VENDOR_SECRET.digest)


def decided(
    key: SubscriberKey,
    vendor_key: VendorKey,
    now: datetime,
    *,
    subscriber_digest: bytes = KEY.digest,
    vendor_digest: bytes = VENDOR_KEY.digest,
) -> Decision:
    """Decide a request that would pass with the secrets that the keys have now."""
    state = State()
    for aggregate in (OPEN, APPROVED, vendor_key, key):
        state.put(aggregate)
    request = structs.replace(
        REQUEST,
        subscriber_key=Credential(KEY.key_id, subscriber_digest),
        vendor_key=Credential(VENDOR_KEY.key_id, vendor_digest),
    )
    return decide_access(request, state, ROUTES, now, lease_held=True)


PARTIES = pytest.mark.parametrize(
    ("decide", "unknown"),
    [
        (with_old_secret, Reason.UNKNOWN_SUBSCRIBER_KEY),
        (with_old_vendor_secret, Reason.UNKNOWN_VENDOR_KEY),
    ],
)


@pytest.mark.parametrize("now", [NOW, LATER - MOMENT])
def test_both_secrets_open_the_same(now: datetime) -> None:
    """Whichever is presented, of either key or both, the decision and its attribution are the same."""
    for subscriber_digest in (KEY.digest, OLD_SECRET.digest):
        for vendor_digest in (VENDOR_KEY.digest, OLD_VENDOR_SECRET.digest):
            decision = decided(
                KEY_IN_OVERLAP,
                VENDOR_KEY_IN_OVERLAP,
                now,
                subscriber_digest=subscriber_digest,
                vendor_digest=vendor_digest,
            )
            assert decision == ALLOWED


@PARTIES
def test_an_old_secret_works_until_exactly_its_end(decide: Decide, unknown: Reason) -> None:
    """No event is waited for: at the instant it is unknown and proves nobody, the new one goes on."""
    for late, reason in ((-MOMENT, None), (timedelta(0), unknown), (MOMENT, unknown)):
        assert decide(KEY_IN_OVERLAP, VENDOR_KEY_IN_OVERLAP, LATER + late).reason is reason
        assert decided(KEY_IN_OVERLAP, VENDOR_KEY_IN_OVERLAP, LATER + late) == ALLOWED


def test_a_dead_secret_attributes_nothing() -> None:
    """Whoever has only what was once a key is not logged as its holder."""
    ended = with_old_secret(KEY_IN_OVERLAP, VENDOR_KEY, LATER)
    assert ended == structs.replace(
        ALLOWED, reason=Reason.UNKNOWN_SUBSCRIBER_KEY, account_id=None, key_id=None
    )
    ended = with_old_vendor_secret(KEY, VENDOR_KEY_IN_OVERLAP, LATER)
    assert ended == structs.replace(
        ALLOWED, reason=Reason.UNKNOWN_VENDOR_KEY, vendor_id=None, vendor_key_id=None
    )


@PARTIES
def test_without_an_overlap_there_is_no_old_secret(decide: Decide, unknown: Reason) -> None:
    """A rotation without one, or an overlap that was ended, leaves the new secret alone."""
    assert decide(KEY, VENDOR_KEY, NOW).reason is unknown


@PARTIES
def test_a_revoked_keys_old_secret_never_works(decide: Decide, unknown: Reason) -> None:
    """Also within what was left of the overlap; the new secret is told that it is revoked."""
    for now in (EARLIER, NOW, LATER):
        assert decide(REVOKED_KEY, REVOKED_VENDOR_KEY, now).reason is unknown


def test_an_old_secret_opens_no_more_than_the_new_one() -> None:
    """A key that has expired is told so, whichever of its secrets is presented."""
    expired = replace(KEY_IN_OVERLAP, expires_at=NOW)
    assert with_old_secret(expired, VENDOR_KEY, NOW).reason is Reason.SUBSCRIBER_KEY_EXPIRED


def test_the_old_secret_of_one_key_opens_no_other() -> None:
    """A vendor key's old secret is none of a subscriber key, and the other way round."""
    crossed = decided(
        KEY_IN_OVERLAP,
        VENDOR_KEY_IN_OVERLAP,
        NOW,
        subscriber_digest=OLD_VENDOR_SECRET.digest,
        vendor_digest=OLD_SECRET.digest,
    )
    assert crossed.reason is Reason.UNKNOWN_VENDOR_KEY
    assert (crossed.key_id, crossed.vendor_key_id) == (None, None)
