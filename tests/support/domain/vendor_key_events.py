"""Every event of one vendor key, as plain values."""

from datetime import timedelta

from msgspec.structs import replace

from keyfold.domain.lifecycle.vendor_key import (
    VendorKeyIssued,
    VendorKeyOverlapEnded,
    VendorKeyRevoked,
    VendorKeyRotated,
)
from keyfold.domain.lifecycle.vendor_key_commands import (
    RotateVendorKey,
)
from tests.support.domain.given import (
    LATER,
    NEW_DIGEST,
    NOW,
    OLD_SECRET,
    VENDOR_KEY,
)

ID, VENDOR_ID = VENDOR_KEY.key_id, VENDOR_KEY.vendor_id
ISSUED = VendorKeyIssued(
    key_id=ID,
    vendor_id=VENDOR_ID,
    digest=VENDOR_KEY.digest,
    secret_hint=VENDOR_KEY.secret_hint,
    issued_at=NOW,
)
ROTATE = RotateVendorKey(
    vendor_id=VENDOR_ID,
    key_id=ID,
    digest=NEW_DIGEST,
    secret_hint="kfv_live_v…9999",
    overlap=timedelta(hours=1),
)
ROTATED = VendorKeyRotated(
    key_id=ID,
    vendor_id=VENDOR_ID,
    digest=NEW_DIGEST,
    secret_hint=ROTATE.secret_hint,
    rotated_at=NOW,
    overlap_ends_at=LATER,
)
ENDED = VendorKeyOverlapEnded(key_id=ID, vendor_id=VENDOR_ID, ended_at=LATER)
REVOKED = VendorKeyRevoked(key_id=ID, vendor_id=VENDOR_ID, revoked_at=LATER)
IN_OVERLAP = replace(VENDOR_KEY, outgoing=OLD_SECRET)
