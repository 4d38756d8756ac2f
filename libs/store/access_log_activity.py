"""Asking the access log: a page of someone's activity, and when keys were last used."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from libs.domain.access_event import AccessEvent
from libs.domain.decision import Reason
from libs.domain.ids import AccountId, EventId, KeyId, VendorId
from libs.domain.permissions import Access, Category
from libs.store.access_log_rows import event_of
from libs.store.connection import Pool
from libs.store.errors import translated
from libs.store.statements import load_statements

_sql = load_statements("access_log_activity")
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountScope:
    """Everything that was asked of an account's data."""

    account_id: AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyScope:
    """Everything that was asked with one of an account's keys."""

    account_id: AccountId
    key_id: KeyId


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorScope:
    """Everything that a vendor asked."""

    vendor_id: VendorId


Scope = AccountScope | KeyScope | VendorScope


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions that an event must meet all of; None sets none. `denied` is the decision."""

    key_id: KeyId | None = None
    vendor_id: VendorId | None = None
    category: Category | None = None
    access: Access | None = None
    reason: Reason | None = None
    denied: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Whose activity, what of it, and from `since` (included) to `until` (excluded).

    `before` is the time and id of the event that the page before ended with.
    """

    scope: Scope
    filters: Filters
    since: datetime
    until: datetime
    before: tuple[datetime, EventId] | None = None


async def activity(pool: Pool, ask: Ask, *, events_max: int) -> tuple[AccessEvent, ...]:
    """Return the newest events that the question is about, newest first. Raises DatabaseAway."""
    with translated():
        async with pool.acquire() as connection:
            await _sql.plan_for_values(connection)
            rows = [row async for row in _sql.activity(connection, **_conditions(ask), rows_max=events_max)]
    return tuple(event_of(row) for row in rows)


async def last_used(pool: Pool, key_ids: Collection[KeyId]) -> Mapping[KeyId, datetime]:
    """Return when each key was last used, to the minute; a key that never was is missing.

    A key, subscriber's or vendor's, was used when a request with it was recognised, whatever came of it
    after that. Raises DatabaseAway.
    """
    with translated():
        async with pool.acquire() as connection:
            return {
                KeyId(row["key_id"]): row["last_used_at"]
                async for row in _sql.last_used(connection, key_ids=list(key_ids))
            }


def _conditions(ask: Ask) -> dict[str, object]:
    filters = ask.filters
    before_at, before_event_id = ask.before or (None, None)
    return {
        **_owner(ask.scope),
        "since": ask.since,
        # The comparison of rows alone would not spare the partitions after that event.
        "until": ask.until if before_at is None else min(ask.until, before_at + _TICK),
        "key_id": filters.key_id,
        "vendor_id": filters.vendor_id,
        "category": filters.category,
        "access": None if filters.access is None else filters.access.word,
        "reason": filters.reason,
        "denied": filters.denied,
        "before_at": before_at,
        "before_event_id": before_event_id,
    }


def _owner(scope: Scope) -> dict[str, str | None]:
    # A condition that is None falls away, so no scope may leave out all of them: it would show everyone's.
    match scope:
        case AccountScope(account_id=account_id):
            return {"own_account_id": account_id, "own_key_id": None, "own_vendor_id": None}
        case KeyScope(account_id=account_id, key_id=key_id):
            return {"own_account_id": account_id, "own_key_id": key_id, "own_vendor_id": None}
        case VendorScope(vendor_id=vendor_id):
            return {"own_account_id": None, "own_key_id": None, "own_vendor_id": vendor_id}
        case _:
            assert_never(scope)
