"""A vendor key: issued to an approved vendor alone, rotated, revoked once, and never another vendor's."""

from datetime import timedelta
from typing import get_args

import pytest
from msgspec.structs import fields, replace

from keyfold.domain.ids import KeyId, VendorId
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_key import (
    RevokedVendorKey,
    VendorKey,
    VendorKeyEvent,
    evolve,
)
from keyfold.domain.lifecycle.vendor_key_commands import (
    IssueVendorKey,
    PassVendorKeyTime,
    RevokeVendorKey,
    VendorKeyCommand,
    decide,
)
from keyfold.domain.refusal import ImpossibleEvent, RefusalKind
from keyfold.domain.secret import REPLACED_BYTES, OutgoingSecret
from tests.support.domain.given import (
    APPLIED,
    APPROVED,
    LATER,
    MOMENT,
    NEW_DIGEST,
    NOT_FOUND,
    NOW,
    OTHER_VENDOR,
    REJECTED,
    REVOKED_VENDOR_KEY,
    SUSPENDED,
    VENDOR_KEY,
    code_of,
)
from tests.support.domain.vendor_key_events import (
    ENDED,
    ID,
    IN_OVERLAP,
    ISSUED,
    REVOKED,
    ROTATE,
    ROTATED,
    VENDOR_ID,
)

ISSUE = IssueVendorKey(
    vendor_id=VENDOR_ID,
    reviewer="rita",
    key_id=ID,
    digest=VENDOR_KEY.digest,
    secret_hint=VENDOR_KEY.secret_hint,
)
REVOKE = RevokeVendorKey(vendor_id=VENDOR_ID, key_id=ID)
PASS_TIME = PassVendorKeyTime(vendor_id=VENDOR_ID, key_id=ID)
COMMANDS: tuple[VendorKeyCommand, ...] = (ISSUE, ROTATE, REVOKE, PASS_TIME)
NEW_SECRET = replace(
    VENDOR_KEY,
    digest=NEW_DIGEST,
    secret_hint=ROTATE.secret_hint,
    replaced=(VENDOR_KEY.digest[-REPLACED_BYTES:],),
)
BESIDE_NEW = OutgoingSecret(digest=VENDOR_KEY.digest, secret_hint=VENDOR_KEY.secret_hint, works_until=LATER)


def test_every_event_is_tried_here() -> None:
    """No event of a vendor key is forgotten by these tests."""
    assert {type(event) for event in (ISSUED, ROTATED, ENDED, REVOKED)} == set(get_args(VendorKeyEvent))


def test_an_approved_vendor_is_issued_a_key() -> None:
    """Issuing records the digest and never more of the secret."""
    assert decide(ISSUE, None, APPROVED, NOW) == (ISSUED,)


@pytest.mark.parametrize("vendor", [APPLIED, REJECTED, SUSPENDED])
def test_no_other_vendor_gets_a_secret(vendor: Vendor) -> None:
    """A vendor that is not approved is neither issued a key nor given another secret for one."""
    assert code_of(decide(ISSUE, None, vendor, NOW)) == (RefusalKind.CONFLICT, "vendor-not-approved")
    assert code_of(decide(ROTATE, VENDOR_KEY, vendor, NOW)) == (RefusalKind.CONFLICT, "vendor-not-approved")


@pytest.mark.parametrize("key", [VENDOR_KEY, REVOKED_VENDOR_KEY])
def test_a_key_is_issued_once(key: VendorKey) -> None:
    """An id that is taken cannot be issued again, revoked or not."""
    assert code_of(decide(ISSUE, key, APPROVED, NOW)) == (RefusalKind.CONFLICT, "key-exists")


@pytest.mark.parametrize("key", [VENDOR_KEY, IN_OVERLAP])
def test_a_key_is_rotated_in_an_overlap_too(key: VendorKey) -> None:
    """The new secret is there at once, and the old one for as long as was asked."""
    assert decide(ROTATE, key, APPROVED, NOW) == (ROTATED,)
    for overlap, ends_at in ((timedelta(0), None), (MOMENT, NOW + MOMENT)):
        rotated = replace(ROTATED, overlap_ends_at=ends_at)
        assert decide(replace(ROTATE, overlap=overlap), key, APPROVED, NOW) == (rotated,)


def test_a_revoked_key_is_not_rotated() -> None:
    """Revoked is for ever, whatever became of the vendor."""
    for vendor in (APPROVED, SUSPENDED):
        refused = decide(ROTATE, REVOKED_VENDOR_KEY, vendor, NOW)
        assert code_of(refused) == (RefusalKind.CONFLICT, "key-revoked")


@pytest.mark.parametrize("vendor", [APPLIED, APPROVED, REJECTED, SUSPENDED])
def test_a_key_can_be_revoked_whatever_became_of_its_vendor(vendor: Vendor) -> None:
    """Revoking gives one event, and again none."""
    assert decide(REVOKE, VENDOR_KEY, vendor, LATER) == (REVOKED,)
    assert decide(REVOKE, REVOKED_VENDOR_KEY, vendor, LATER) == ()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("key", [IN_OVERLAP, REVOKED_VENDOR_KEY])
def test_another_vendors_key_is_not_found(command: VendorKeyCommand, key: VendorKey) -> None:
    """Whether a key exists elsewhere is not told, not even by a conflict."""
    assert code_of(decide(command, key, OTHER_VENDOR, NOW)) == NOT_FOUND


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("key", [None, VENDOR_KEY, REVOKED_VENDOR_KEY])
def test_without_a_vendor_nothing_is_found(command: VendorKeyCommand, key: VendorKey | None) -> None:
    """A vendor that does not exist has no keys."""
    assert code_of(decide(command, key, None, NOW)) == NOT_FOUND


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_a_key_that_never_was_is_not_found(command: VendorKeyCommand) -> None:
    """What was never issued is neither rotated nor revoked, and nothing falls due for it."""
    assert code_of(decide(command, None, APPROVED, NOW)) == NOT_FOUND


def test_a_history_issues_rotates_and_revokes() -> None:
    """A rotation changes the secret alone; a revoked key keeps what its use is attributed by."""
    assert evolve(None, ISSUED) == VENDOR_KEY
    assert evolve(VENDOR_KEY, ROTATED) == replace(NEW_SECRET, outgoing=BESIDE_NEW)
    assert evolve(VENDOR_KEY, replace(ROTATED, overlap_ends_at=None)) == NEW_SECRET
    assert evolve(IN_OVERLAP, ENDED) == VENDOR_KEY
    assert evolve(VENDOR_KEY, REVOKED) == REVOKED_VENDOR_KEY


def test_a_rotation_in_an_overlap_ends_it() -> None:
    """There are never more than two secrets: the one before the last is gone at once."""
    assert evolve(IN_OVERLAP, ROTATED) == replace(NEW_SECRET, outgoing=BESIDE_NEW)
    assert evolve(IN_OVERLAP, replace(ROTATED, overlap_ends_at=None)) == NEW_SECRET


def test_a_revoked_key_has_no_second_secret() -> None:
    """Revoked in an overlap, nothing of the old secret is left to open anything with."""
    assert evolve(IN_OVERLAP, REVOKED) == REVOKED_VENDOR_KEY
    assert "outgoing" not in {field.name for field in fields(RevokedVendorKey)}


def test_earlier_secrets_stay_known_also_of_a_revoked_key() -> None:
    """Whoever tries one that was replaced can be told, whatever has become of the key since."""
    replaced = evolve(VENDOR_KEY, ROTATED).replaced
    assert replaced == (VENDOR_KEY.digest[-REPLACED_BYTES:],)
    assert evolve(replace(VENDOR_KEY, replaced=replaced), REVOKED) == replace(
        REVOKED_VENDOR_KEY, replaced=replaced
    )


@pytest.mark.parametrize("event", [ROTATED, ENDED, REVOKED])
def test_what_cannot_follow_is_a_broken_history(event: VendorKeyEvent) -> None:
    """Nothing follows a revocation, precedes an issue, or happens to another's key."""
    strangers = (
        replace(VENDOR_KEY, key_id=KeyId("key_other")),
        replace(VENDOR_KEY, vendor_id=VendorId("ven_2")),
    )
    for key in (None, REVOKED_VENDOR_KEY, *strangers):
        with pytest.raises(ImpossibleEvent, match=type(event).__name__):
            evolve(key, event)


@pytest.mark.parametrize("key", [VENDOR_KEY, REVOKED_VENDOR_KEY])
def test_a_second_issue_is_a_broken_history(key: VendorKey) -> None:
    """A key is issued once."""
    with pytest.raises(ImpossibleEvent, match="VendorKeyIssued"):
        evolve(key, ISSUED)
