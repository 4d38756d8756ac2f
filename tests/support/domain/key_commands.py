"""Every command to one subscriber key, as plain values."""

from datetime import timedelta

from msgspec.structs import replace

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.subscriber_key_commands import (
    CreateSubscriberKey,
    EditSubscriberKey,
    PassSubscriberKeyTime,
    RevokeSubscriberKey,
    RotateSubscriberKey,
)
from keyfold.domain.refusal import RefusalKind
from tests.support.domain.given import (
    KEY,
    NEW_DIGEST,
)
from tests.support.domain.key_events import (
    ROTATED,
)

CREATE = CreateSubscriberKey(
    account_id=KEY.account_id,
    key_id=KEY.key_id,
    name=KEY.name,
    permissions=KEY.permissions,
    vendor_ids=None,
    networks=None,
    rate_limit=None,
    expires_at=None,
    digest=KEY.digest,
    secret_hint=KEY.secret_hint,
    live_keys_max=3,
)
EDIT = EditSubscriberKey(account_id=KEY.account_id, key_id=KEY.key_id)
RENAME = replace(EDIT, name="Other")
ROTATE = RotateSubscriberKey(
    account_id=KEY.account_id,
    key_id=KEY.key_id,
    digest=NEW_DIGEST,
    secret_hint=ROTATED.secret_hint,
    overlap=timedelta(hours=1),
)
REVOKE = RevokeSubscriberKey(account_id=KEY.account_id, key_id=KEY.key_id)
PASS_TIME = PassSubscriberKeyTime(account_id=KEY.account_id, key_id=KEY.key_id)
EXPIRES_IN_THE_PAST = (RefusalKind.INVALID, "expires-in-the-past")
APPROVED = (VendorId("ven_1"),)
