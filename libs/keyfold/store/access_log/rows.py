"""An access event as a row of the access log, and back."""

from collections.abc import Mapping
from typing import Any

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, EventId, KeyId, VendorId
from keyfold.domain.permissions import Access

COLUMNS = (
    "at",
    "event_id",
    "account_id",
    "key_id",
    "vendor_id",
    "vendor_key_id",
    "category",
    "access",
    "method",
    "path",
    "reason",
    "position",
    "gateway",
    "client_ip",
    "gatekeeper",
    "seq",
    "traceparent",
    "policy",
    "more",
)


def requests_of(event: AccessEvent) -> int | None:
    """Return the value of the column `requests`: how many requests the event stands for, None for one."""
    return None if event.requests == 1 else event.requests


def row_of(event: AccessEvent) -> tuple[object, ...]:
    """Return the event's values in the order of `COLUMNS`; a null `reason` means that it was allowed."""
    return (
        event.at,
        event.event_id,
        # An empty id is stored as NULL: nobody could ask for what is filed under it.
        event.account_id or None,
        event.key_id or None,
        event.vendor_id or None,
        event.vendor_key_id or None,
        event.category,
        None if event.access is None else event.access.word,
        event.method,
        event.path,
        event.reason,
        event.position,
        event.gateway,
        event.client_ip,
        event.gatekeeper,
        event.seq,
        event.traceparent,
        event.policy,
        event.more,
    )


def event_of(row: Mapping[str, Any]) -> AccessEvent:
    """Return the event of a row with all `COLUMNS` and `requests`."""
    return AccessEvent(
        at=row["at"],
        event_id=EventId(str(row["event_id"])),
        account_id=AccountId(row["account_id"]) if row["account_id"] else None,
        key_id=KeyId(row["key_id"]) if row["key_id"] else None,
        vendor_id=VendorId(row["vendor_id"]) if row["vendor_id"] else None,
        vendor_key_id=KeyId(row["vendor_key_id"]) if row["vendor_key_id"] else None,
        category=row["category"],
        access=Access.of(row["access"]) if row["access"] else None,
        method=row["method"],
        path=row["path"],
        reason=row["reason"],
        position=row["position"],
        gateway=row["gateway"],
        client_ip=None if row["client_ip"] is None else str(row["client_ip"]),
        gatekeeper=row["gatekeeper"],
        seq=row["seq"],
        traceparent=row["traceparent"],
        requests=row["requests"] or 1,
        policy=row["policy"],
        more=row["more"],
    )
