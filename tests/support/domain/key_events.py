"""Every event of one subscriber key, as plain values."""

from datetime import timedelta

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.subscriber_key import (
    SubscriberKeyCreated,
    SubscriberKeyExpiryChanged,
    SubscriberKeyExpiryNear,
    SubscriberKeyNetworksChanged,
    SubscriberKeyOverlapEnded,
    SubscriberKeyPermissionsChanged,
    SubscriberKeyRateLimitChanged,
    SubscriberKeyRenamed,
    SubscriberKeyRevoked,
    SubscriberKeyRotated,
    SubscriberKeyVendorsChanged,
)
from keyfold.domain.network import parse_network
from keyfold.domain.permissions import Access, Category
from keyfold.domain.rate_limit import RateLimit
from tests.support.domain.given import KEY, LATER, NEW_DIGEST, NOW

ACCOUNT, ID = KEY.account_id, KEY.key_id
CREATED = SubscriberKeyCreated(
    key_id=ID,
    account_id=ACCOUNT,
    name=KEY.name,
    permissions=KEY.permissions,
    vendor_ids=None,
    networks=None,
    rate_limit=None,
    expires_at=None,
    reminders=(),
    digest=KEY.digest,
    secret_hint=KEY.secret_hint,
    created_at=NOW,
)
RENAMED = SubscriberKeyRenamed(key_id=ID, account_id=ACCOUNT, name="Other")
CHANGED = SubscriberKeyPermissionsChanged(
    key_id=ID, account_id=ACCOUNT, permissions=KEY.permissions.changed({Category.PATIENT: Access.NONE})
)
NARROWED = SubscriberKeyVendorsChanged(key_id=ID, account_id=ACCOUNT, vendor_ids=(VendorId("ven_1"),))
PLACED = SubscriberKeyNetworksChanged(
    key_id=ID, account_id=ACCOUNT, networks=(parse_network("203.0.113.0/24"),)
)
PACED = SubscriberKeyRateLimitChanged(key_id=ID, account_id=ACCOUNT, rate_limit=RateLimit.of(100, 60, 200))
LIMITED = SubscriberKeyExpiryChanged(
    key_id=ID, account_id=ACCOUNT, expires_at=LATER + timedelta(days=3), reminders=(LATER,)
)
REMINDED = SubscriberKeyExpiryNear(key_id=ID, account_id=ACCOUNT, expires_at=LATER, reminded_at=NOW)
ROTATED = SubscriberKeyRotated(
    key_id=ID,
    account_id=ACCOUNT,
    digest=NEW_DIGEST,
    secret_hint="kfs_live_s…9999",
    rotated_at=NOW,
    overlap_ends_at=LATER,
)
ENDED = SubscriberKeyOverlapEnded(key_id=ID, account_id=ACCOUNT, ended_at=LATER)
REVOKED = SubscriberKeyRevoked(key_id=ID, account_id=ACCOUNT, revoked_at=LATER)
