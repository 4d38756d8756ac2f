"""Commands on subscriber keys as the registry's calls make them, without HTTP."""

from __future__ import annotations

from keyfold.domain.lifecycle.fold import Actor
from keyfold.domain.lifecycle.subscriber_key_commands import (
    CreateSubscriberKey,
    EditSubscriberKey,
    RevokeSubscriberKey,
)
from keyfold.domain.permissions import NO_PERMISSIONS
from keyfold.registry.commands.execution import CommandMetadata
from tests.support.lifecycle_events import account_id, key_id

OTTO = CommandMetadata(actor=Actor(role="owner", subject="otto"), request_id="request-1")


def create_key(number: int, *, account: int, live_keys_max: int = 1_000_000) -> CreateSubscriberKey:
    """Return a command that makes a key."""
    return CreateSubscriberKey(
        account_id=account_id(account),
        key_id=key_id(number),
        name=f"Key {number}",
        permissions=NO_PERMISSIONS,
        vendor_ids=None,
        networks=None,
        rate_limit=None,
        expires_at=None,
        digest=number.to_bytes(32),
        secret_hint="kfs_live_…",
        live_keys_max=live_keys_max,
    )


def revoke_key(number: int, *, account: int) -> RevokeSubscriberKey:
    """Return a command that revokes a key."""
    return RevokeSubscriberKey(account_id=account_id(account), key_id=key_id(number))


def rename_key(number: int, name: str, *, account: int) -> EditSubscriberKey:
    """Return a command that renames a key."""
    return EditSubscriberKey(account_id=account_id(account), key_id=key_id(number), name=name)
