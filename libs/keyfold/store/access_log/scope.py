"""What a query of the access log asks for: whose activity, and which of it."""

from dataclasses import dataclass
from typing import Final, assert_never

from keyfold.domain.ids import AccountId, EventId, KeyId, VendorId
from keyfold.domain.permissions import Access
from keyfold.store.postgres.connection import Connection
from keyfold.store.postgres.statements import load_part, load_statements

CONDITIONS: Final = load_part("access_log/scope_of_rows")
"""The SQL for the values of `conditions`, in statements that read the log's rows."""
COUNTED: Final = load_part("access_log/scope_of_counts")
"""The same for statements that read counts, in which '' stands for none."""
SUMMED: Final = load_part("access_log/scope_of_day_sums")
"""The same for statements that read sums of counts, which are chosen by their owner already."""

_plans = load_statements("access_log/scope")
_ANYONE: Final = {"own_account_id": None, "own_key_id": None, "own_vendor_id": None, "unattributed": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountScope:
    """All requests for an account's data."""

    account_id: AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyScope:
    """All requests with one of an account's keys."""

    account_id: AccountId
    key_id: KeyId


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorScope:
    """All requests of a vendor."""

    vendor_id: VendorId


@dataclass(frozen=True, slots=True, kw_only=True)
class UnattributedScope:
    """All requests that name no account and no vendor: those in no other scope."""


Scope = AccountScope | KeyScope | VendorScope | UnattributedScope


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions that an event must all meet; None sets none. `denied` is the decision.

    `decision_id` applies to rows only: counts ignore it.
    """

    key_id: KeyId | None = None
    vendor_id: VendorId | None = None
    category: str | None = None
    access: Access | None = None
    reason: str | None = None
    denied: bool | None = None
    decision_id: EventId | None = None


async def prepare(connection: Connection) -> None:
    """Set up this session's planner for queries of the log."""
    await _plans.prepare(connection)


def conditions(scope: Scope, filters: Filters) -> dict[str, object]:
    """Return the values of `CONDITIONS` and `COUNTED`; a condition that is None falls away."""
    return {
        **_owner(scope),
        "key_id": filters.key_id,
        "vendor_id": filters.vendor_id,
        "category": filters.category,
        "access": None if filters.access is None else filters.access.word,
        "reason": filters.reason,
        "denied": filters.denied,
        "decision_id": filters.decision_id,
    }


def _owner(scope: Scope) -> dict[str, object]:
    # A condition that is None falls away: a scope that left all of them None would show everyone's activity.
    match scope:
        case AccountScope(account_id=account_id):
            return {**_ANYONE, "own_account_id": account_id}
        case KeyScope(account_id=account_id, key_id=key_id):
            return {**_ANYONE, "own_account_id": account_id, "own_key_id": key_id}
        case VendorScope(vendor_id=vendor_id):
            return {**_ANYONE, "own_vendor_id": vendor_id}
        case UnattributedScope():
            return {**_ANYONE, "unattributed": True}
        case _:
            assert_never(scope)
