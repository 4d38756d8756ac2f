"""A vendor key: issued to an approved vendor alone, revoked once, and never another vendor's to revoke."""

from dataclasses import replace

import pytest

from libs.domain.ids import KeyId, VendorId
from libs.domain.refusal import ImpossibleEvent, RefusalKind
from libs.domain.vendor import Vendor
from libs.domain.vendor_key import (
    IssueVendorKey,
    RevokeVendorKey,
    VendorKey,
    VendorKeyEvent,
    VendorKeyIssued,
    VendorKeyRevoked,
    decide,
    evolve,
)
from tests.unit.domain.given import (
    APPLIED,
    APPROVED,
    LATER,
    NOT_FOUND,
    OTHER_VENDOR,
    REJECTED,
    REVOKED_VENDOR_KEY,
    SUSPENDED,
    VENDOR_KEY,
    code_of,
)

ISSUE = IssueVendorKey(
    key_id=VENDOR_KEY.key_id,
    digest=VENDOR_KEY.digest,
    secret_hint=VENDOR_KEY.secret_hint,
    issued_at=VENDOR_KEY.issued_at,
)
ISSUED = VendorKeyIssued(
    key_id=VENDOR_KEY.key_id,
    vendor_id=VENDOR_KEY.vendor_id,
    digest=VENDOR_KEY.digest,
    secret_hint=VENDOR_KEY.secret_hint,
    issued_at=VENDOR_KEY.issued_at,
)
REVOKE = RevokeVendorKey(revoked_at=LATER)
REVOKED = VendorKeyRevoked(key_id=VENDOR_KEY.key_id, vendor_id=VENDOR_KEY.vendor_id, revoked_at=LATER)


def test_an_approved_vendor_is_issued_a_key() -> None:
    """Issuing records the digest and never more of the secret."""
    assert decide(ISSUE, None, APPROVED) == (ISSUED,)


@pytest.mark.parametrize("vendor", [APPLIED, REJECTED, SUSPENDED])
def test_no_other_vendor_is_issued_one(vendor: Vendor) -> None:
    """A vendor that is not approved gets no key."""
    assert code_of(decide(ISSUE, None, vendor)) == (RefusalKind.CONFLICT, "vendor-not-approved")


@pytest.mark.parametrize("key", [VENDOR_KEY, REVOKED_VENDOR_KEY])
def test_a_key_is_issued_once(key: VendorKey) -> None:
    """An id that is taken cannot be issued again, revoked or not."""
    assert code_of(decide(ISSUE, key, APPROVED)) == (RefusalKind.CONFLICT, "key-exists")


@pytest.mark.parametrize("vendor", [APPLIED, APPROVED, REJECTED, SUSPENDED])
def test_a_key_can_be_revoked_whatever_became_of_its_vendor(vendor: Vendor) -> None:
    """Revoking gives one event, and again none."""
    assert decide(REVOKE, VENDOR_KEY, vendor) == (REVOKED,)
    assert decide(RevokeVendorKey(revoked_at=LATER), REVOKED_VENDOR_KEY, vendor) == ()


@pytest.mark.parametrize("key", [None, VENDOR_KEY, REVOKED_VENDOR_KEY])
def test_another_vendors_key_is_not_found(key: VendorKey | None) -> None:
    """Whether a key exists elsewhere is not told."""
    assert code_of(decide(REVOKE, key, OTHER_VENDOR)) == NOT_FOUND


@pytest.mark.parametrize("key", [None, VENDOR_KEY, REVOKED_VENDOR_KEY])
def test_without_a_vendor_nothing_is_found(key: VendorKey | None) -> None:
    """A vendor that does not exist has no keys to issue or revoke."""
    assert code_of(decide(ISSUE, key, None)) == NOT_FOUND
    assert code_of(decide(REVOKE, key, None)) == NOT_FOUND


def test_a_history_issues_and_revokes() -> None:
    """A revoked key keeps what its use is attributed by."""
    assert evolve(None, ISSUED) == VENDOR_KEY
    assert evolve(VENDOR_KEY, REVOKED) == REVOKED_VENDOR_KEY


@pytest.mark.parametrize(
    ("key", "event"),
    [
        (VENDOR_KEY, ISSUED),
        (REVOKED_VENDOR_KEY, ISSUED),
        (None, REVOKED),
        (REVOKED_VENDOR_KEY, REVOKED),
        (VENDOR_KEY, replace(REVOKED, key_id=KeyId("key_other"))),
        (VENDOR_KEY, replace(REVOKED, vendor_id=VendorId("ven_2"))),
    ],
)
def test_what_cannot_follow_is_a_broken_history(key: VendorKey | None, event: VendorKeyEvent) -> None:
    """Issued twice, revoked twice, revoked before it was issued, and another key's event raise."""
    with pytest.raises(ImpossibleEvent, match=type(event).__name__):
        evolve(key, event)
