"""An account, vendors and keys in each of their states, as plain values to start a test from."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from msgspec.structs import replace

from keyfold.domain.ids import AccountId, InvitationId, KeyId, LoginId, VendorId
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.identity.invitation import Invitation, InvitationWithdrawn
from keyfold.domain.lifecycle.identity.login import BoundLogin, LoginEnded
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey
from keyfold.domain.lifecycle.vendor import (
    Review,
    ReviewKind,
    Vendor,
    VendorApplication,
    VendorState,
    Verdict,
)
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, RevokedVendorKey
from keyfold.domain.permissions import Access, Category, Permissions
from keyfold.domain.refusal import Refusal, RefusalKind
from keyfold.domain.secret import OutgoingSecret

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
EARLIER = NOW - timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
REVIEWS_VALID_FOR = timedelta(days=365)

SHUT = Account(account_id=AccountId("acc_1"), name="Main Street Dental", integrations_enabled=False)
OPEN = replace(SHUT, integrations_enabled=True)
FOREIGN = replace(OPEN, account_id=AccountId("acc_2"))

INVITED = Invitation(
    invitation_id=InvitationId("inv_1"),
    account_id=SHUT.account_id,
    vendor_id=None,
    digest=bytes(range(32)),
    made_at=NOW,
    expires_at=LATER,
)
WITHDRAWN = InvitationWithdrawn(
    invitation_id=INVITED.invitation_id, account_id=SHUT.account_id, vendor_id=None, withdrawn_at=NOW
)
BOUND = BoundLogin(
    login_id=LoginId("log_1"),
    issuer="https://issuer.example",
    subject="anna",
    account_id=SHUT.account_id,
    vendor_id=None,
    bound_at=NOW,
)
ENDED = LoginEnded(login_id=BOUND.login_id, account_id=SHUT.account_id, vendor_id=None, ended_at=LATER)

APPLICATION = VendorApplication(
    name="Recall Robot",
    contact_email="dev@recall.example",
    website="https://recall.example",
    intended_use="Reminds patients of appointments",
    categories=(Category.APPOINTMENT, Category.PATIENT),
)
APPLIED = Vendor(
    vendor_id=VendorId("ven_1"),
    application=APPLICATION,
    applicant="dana",
    state=VendorState.APPLIED,
    reviews=(),
    reviews_void=0,
    warned_lapse_at=None,
)


def review(kind: ReviewKind, verdict: Verdict = Verdict.PASS, *, at: datetime = NOW) -> Review:
    """Return a review by a reviewer called rita, valid for a year, with a warning 30 days before."""
    return Review(
        kind=kind,
        verdict=verdict,
        notes="read the code",
        reviewer="rita",
        reviewed_at=at,
        lapses_at=at + REVIEWS_VALID_FOR,
        warn_at=at + REVIEWS_VALID_FOR - timedelta(days=30),
    )


PASSED = (review(ReviewKind.SECURITY), review(ReviewKind.COMPLIANCE))
REVIEWED = replace(APPLIED, reviews=PASSED)
APPROVED = replace(REVIEWED, state=VendorState.APPROVED)
SUSPENDED = replace(REVIEWED, state=VendorState.SUSPENDED, reason="breach")
REJECTED = replace(APPLIED, state=VendorState.REJECTED)
OTHER_VENDOR = replace(APPROVED, vendor_id=VendorId("ven_2"))

VENDOR_DIGEST = sha256(b"vendor").digest()
SUBSCRIBER_DIGEST = sha256(b"subscriber").digest()
NEW_DIGEST = sha256(b"new").digest()
OLD_SECRET = OutgoingSecret(digest=sha256(b"old").digest(), secret_hint="kf…old", works_until=LATER)

VENDOR_KEY = ActiveVendorKey(
    key_id=KeyId("key_v"),
    vendor_id=APPROVED.vendor_id,
    digest=VENDOR_DIGEST,
    secret_hint="kfv_live_v…1234",
    outgoing=None,
    issued_at=NOW,
)
REVOKED_VENDOR_KEY = RevokedVendorKey(
    key_id=KeyId("key_v"),
    vendor_id=APPROVED.vendor_id,
    digest=VENDOR_DIGEST,
    secret_hint="kfv_live_v…1234",
    issued_at=NOW,
    revoked_at=LATER,
)
KEY = ActiveSubscriberKey(
    key_id=KeyId("key_s"),
    account_id=OPEN.account_id,
    name="Recall Robot",
    permissions=Permissions.of({Category.APPOINTMENT: Access.WRITE, Category.PATIENT: Access.READ}),
    vendor_ids=None,
    networks=None,
    rate_limit=None,
    expires_at=None,
    reminders=(),
    digest=SUBSCRIBER_DIGEST,
    secret_hint="kfs_live_s…5678",
    outgoing=None,
    created_at=NOW,
)
REVOKED_KEY = RevokedSubscriberKey(
    key_id=KeyId("key_s"),
    account_id=OPEN.account_id,
    name="Recall Robot",
    digest=SUBSCRIBER_DIGEST,
    secret_hint="kfs_live_s…5678",
    created_at=NOW,
    revoked_at=LATER,
)


def code_of(outcome: object) -> tuple[RefusalKind, str]:
    """Return an outcome's kind of refusal, and its code."""
    assert isinstance(outcome, Refusal), outcome
    assert outcome.detail.endswith(".")
    return outcome.kind, outcome.code


NOT_FOUND = (RefusalKind.NOT_FOUND, "not-found")
