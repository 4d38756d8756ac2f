"""Commands on subscriber keys as the registry's calls make them, without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from keyfold.domain.ids import AccountId, KeyId, account_stream, key_stream
from keyfold.domain.lifecycle.account import Account, AccountCreated
from keyfold.domain.lifecycle.fold import Actor, LifecycleEvent
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey
from keyfold.domain.lifecycle.subscriber_key_commands import (
    CreateSubscriberKey,
    EditSubscriberKey,
    RevokeSubscriberKey,
    SubscriberKeyCommand,
    decide,
)
from keyfold.domain.permissions import NO_PERMISSIONS
from keyfold.domain.refusal import Refusal
from keyfold.registry.commands.execution import Command, CommandMetadata
from keyfold.store.ledger.read_set import ReadSetValues

CommandAt: TypeAlias = Callable[[ReadSetValues, datetime], SubscriberKeyCommand]

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


def create_key(number: int, *, account: int, live_keys_max: int = 1_000_000) -> Command:
    """Return a command that makes a key."""
    whose = account_id(account)

    def create(loaded: ReadSetValues, now: datetime) -> CreateSubscriberKey:
        return CreateSubscriberKey(
            key_id=key_id(number),
            name=f"Key {number}",
            permissions=NO_PERMISSIONS,
            vendor_ids=None,
            networks=None,
            rate_limit=None,
            expires_at=None,
            digest=number.to_bytes(32),
            secret_hint="kfs_live_…",
            created_at=now,
            live_keys=loaded.account_keys[whose].live,
            live_keys_max=live_keys_max,
        )

    return replace(_on_key(number, account, create), account=whose)


def revoke_key(number: int, *, account: int) -> Command:
    """Return a command that revokes a key."""
    return _on_key(number, account, lambda _, now: RevokeSubscriberKey(revoked_at=now))


def rename_key(number: int, name: str, *, account: int) -> Command:
    """Return a command that renames a key."""
    return _on_key(number, account, lambda _, now: EditSubscriberKey(at=now, name=name))


def _on_key(number: int, account: int, command_at: CommandAt) -> Command:
    key_at, account_at = key_stream(key_id(number)), account_stream(account_id(account))

    def decided(loaded: ReadSetValues, now: datetime) -> tuple[LifecycleEvent, ...] | Refusal:
        key, holder = loaded.streams[key_at].aggregate, loaded.streams[account_at].aggregate
        assert isinstance(key, ActiveSubscriberKey | RevokedSubscriberKey | None)
        assert isinstance(holder, Account | None)
        return decide(command_at(loaded, now), key, holder)

    return Command(subject=key_at, others=(account_at,), decide=decided)
