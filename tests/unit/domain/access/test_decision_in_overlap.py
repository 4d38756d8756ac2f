"""A decision while a rotation's overlap runs: both secrets open the same, and the old one dies by itself."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from msgspec import structs
from msgspec.structs import replace

from keyfold.domain.access.decision import Decision, Reason, decide_access
from keyfold.domain.access.key_proof import MALFORMED, Credential
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.domain.lifecycle.vendor_key import VendorKey
from keyfold.domain.secret import REPLACED_BYTES
from tests.support.domain.deciding import ALLOWED, REQUEST, ROUTES
from tests.support.domain.given import (
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

OLD_VENDOR_SECRET = replace(OLD_SECRET, digest=bytes(range(32)))
REPLACED = (OLD_SECRET.digest[-REPLACED_BYTES:],)
VENDOR_REPLACED = (OLD_VENDOR_SECRET.digest[-REPLACED_BYTES:],)
ROTATED_KEY = replace(KEY, replaced=REPLACED)
ROTATED_VENDOR_KEY = replace(VENDOR_KEY, replaced=VENDOR_REPLACED)
KEY_IN_OVERLAP = replace(ROTATED_KEY, outgoing=OLD_SECRET)
VENDOR_KEY_IN_OVERLAP = replace(ROTATED_VENDOR_KEY, outgoing=OLD_VENDOR_SECRET)
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
    ("decide", "replaced"),
    [
        (with_old_secret, Reason.SUBSCRIBER_KEY_REPLACED),
        (with_old_vendor_secret, Reason.VENDOR_KEY_REPLACED),
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
def test_an_old_secret_works_until_exactly_its_end(decide: Decide, replaced: Reason) -> None:
    """No event is waited for: at the instant it opens nothing any more, and the new one goes on."""
    for late, reason in ((-MOMENT, None), (timedelta(0), replaced), (MOMENT, replaced)):
        assert decide(KEY_IN_OVERLAP, VENDOR_KEY_IN_OVERLAP, LATER + late).reason is reason
        assert decided(KEY_IN_OVERLAP, VENDOR_KEY_IN_OVERLAP, LATER + late) == ALLOWED


def test_a_replaced_secret_is_told_of_its_keys_owner() -> None:
    """Who tries what was once a key's secret is filed with that key, and learns that it was replaced."""
    for key in (ROTATED_KEY, KEY_IN_OVERLAP):
        denied = with_old_secret(key, VENDOR_KEY, LATER)
        assert denied == structs.replace(ALLOWED, reason=Reason.SUBSCRIBER_KEY_REPLACED)
    for vendor_key in (ROTATED_VENDOR_KEY, VENDOR_KEY_IN_OVERLAP):
        denied = with_old_vendor_secret(KEY, vendor_key, LATER)
        assert denied == structs.replace(ALLOWED, reason=Reason.VENDOR_KEY_REPLACED)


def test_what_is_known_of_a_key_is_not_told_to_an_old_secret() -> None:
    """Revoked, expired, of a vendor that is suspended: the reason is that the secret was replaced."""
    expired = replace(ROTATED_KEY, expires_at=EARLIER)
    for key in (replace(REVOKED_KEY, replaced=REPLACED), expired, replace(ROTATED_KEY, vendor_ids=())):
        denied = with_old_secret(key, REVOKED_VENDOR_KEY, NOW)
        assert (denied.reason, denied.account_id) == (Reason.SUBSCRIBER_KEY_REPLACED, KEY.account_id)
    revoked = replace(REVOKED_VENDOR_KEY, replaced=VENDOR_REPLACED)
    denied = with_old_vendor_secret(KEY, revoked, NOW)
    assert (denied.reason, denied.vendor_id) == (Reason.VENDOR_KEY_REPLACED, APPROVED.vendor_id)


def test_two_replaced_secrets_open_nothing_and_are_both_named() -> None:
    """Neither of the keys is known to be held by whoever asks: the request may be counted with others."""
    denied = decided(
        ROTATED_KEY,
        ROTATED_VENDOR_KEY,
        NOW,
        subscriber_digest=OLD_SECRET.digest,
        vendor_digest=OLD_VENDOR_SECRET.digest,
    )
    assert denied == structs.replace(ALLOWED, reason=Reason.VENDOR_KEY_REPLACED, is_dead=True)


def test_a_replaced_secret_beside_none_or_a_strange_one_is_named_too() -> None:
    """What proves nothing comes first, and whoever's secret leaked is told all the same."""
    old = Credential(KEY.key_id, OLD_SECRET.digest)
    for vendor_key, reason in (
        (None, Reason.MISSING_VENDOR_KEY),
        (MALFORMED, Reason.MALFORMED_KEY),
        (Credential(VENDOR_KEY.key_id, bytes(32)), Reason.UNKNOWN_VENDOR_KEY),
    ):
        state = State()
        for aggregate in (OPEN, APPROVED, VENDOR_KEY, ROTATED_KEY):
            state.put(aggregate)
        request = structs.replace(REQUEST, vendor_key=vendor_key, subscriber_key=old)
        denied = decide_access(request, state, ROUTES, NOW, lease_held=True)
        assert denied == structs.replace(
            ALLOWED, reason=reason, vendor_id=None, vendor_key_id=None, is_dead=True
        )


def test_a_secret_that_no_key_had_is_unknown() -> None:
    """A rotated key is found by its id, and proven by none but its own secrets."""
    assert decided(ROTATED_KEY, VENDOR_KEY, NOW, subscriber_digest=bytes(32)) == structs.replace(
        ALLOWED, reason=Reason.UNKNOWN_SUBSCRIBER_KEY, account_id=None, key_id=None
    )


@PARTIES
def test_a_revoked_keys_old_secret_never_works(decide: Decide, replaced: Reason) -> None:
    """Also within what was left of the overlap; the new secret is told that it is revoked."""
    revoked = replace(REVOKED_KEY, replaced=REPLACED)
    revoked_vendor_key = replace(REVOKED_VENDOR_KEY, replaced=VENDOR_REPLACED)
    for now in (EARLIER, NOW, LATER):
        assert decide(revoked, revoked_vendor_key, now).reason is replaced


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
