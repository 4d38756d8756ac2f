"""Commands on subscriber keys as the registry's calls make them, without HTTP."""

from __future__ import annotations

from keyfold.domain.ids import AccountId, KeyId
from keyfold.domain.lifecycle.account import AccountCreated
from keyfold.domain.lifecycle.fold import Actor
from keyfold.domain.lifecycle.subscriber_key_commands import (
    CreateSubscriberKey,
    EditSubscriberKey,
    RevokeSubscriberKey,
)
from keyfold.domain.permissions import NO_PERMISSIONS
from keyfold.registry.commands.execution import CommandMetadata

OTTO = CommandMetadata(actor=Actor(role="owner", subject="otto"), request_id="request-1")


def account_id(number: int) -> AccountId:
    """Return the id of an account."""
    return AccountId(f"acc_{number:012}")


def key_id(number: int) -> KeyId:
    """Return the id of a key."""
    return KeyId(f"key_{number:012}")


def account_created(number: int) -> AccountCreated:
    """Return the first event of an account."""
    return AccountCreated(account_id=account_id(number), name=f"Practice {number}")


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
