"""The identifiers that everything else is said in terms of."""

import re
from typing import Final, NewType

AccountId = NewType("AccountId", str)
"""A practice: `acc_` and 12 base62 characters."""

VendorId = NewType("VendorId", str)
"""A third-party developer: `ven_` and 12 base62 characters."""

KeyId = NewType("KeyId", str)
"""A vendor key or a subscriber key: `key_` and the 12-character public id that its secret carries."""

LoginId = NewType("LoginId", str)
"""Somebody's sign-in: `log_` and 22 base62 characters, which stand for the token's issuer and subject."""

InvitationId = NewType("InvitationId", str)
"""An invitation: `inv_` and the 12-character public id that its code carries."""

EventId = NewType("EventId", str)
"""An event: a UUIDv7 (RFC 9562) in its canonical text form."""

StreamId = NewType("StreamId", str)
"""One account's, vendor's, key's, login's or invitation's events in the ledger, such as `account-acc_…`."""

_UUID7: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)

ACCOUNT_PREFIX = "acc_"
VENDOR_PREFIX = "ven_"
KEY_PREFIX = "key_"
LOGIN_PREFIX = "log_"
INVITATION_PREFIX = "inv_"


def account_stream(account_id: AccountId) -> StreamId:
    """Name the stream that holds an account's events."""
    return StreamId(f"account-{account_id}")


def vendor_stream(vendor_id: VendorId) -> StreamId:
    """Name the stream that holds a vendor's events."""
    return StreamId(f"vendor-{vendor_id}")


def key_stream(key_id: KeyId) -> StreamId:
    """Name the stream that holds a key's events, whichever kind of key it is."""
    return StreamId(f"key-{key_id}")


def login_stream(login_id: LoginId) -> StreamId:
    """Name the stream that holds a login's events."""
    return StreamId(f"login-{login_id}")


def invitation_stream(invitation_id: InvitationId) -> StreamId:
    """Name the stream that holds an invitation's events."""
    return StreamId(f"invitation-{invitation_id}")


def made_at_ms(event_id: EventId) -> int | None:
    """Return when an event's id was made, in milliseconds since 1970; None for what is no UUIDv7."""
    if not _UUID7.fullmatch(event_id):
        return None
    return int(event_id[:8] + event_id[9:13], 16)
