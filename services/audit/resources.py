"""The shapes of the activity queries: what may be asked, and what an answer holds."""

from typing import Literal, Self, cast
from uuid import UUID

from pydantic import Field

from libs.domain.access_event import AccessEvent
from libs.domain.decision import Reason
from libs.domain.permissions import AccessWord, Category
from libs.runtime.http import GivenInstant, Instant, JsonBody, PageQuery

_ID_CHARACTERS_MAX = 64
DecisionWord = Literal["allow", "deny"]


class ActivityQuery(PageQuery):
    """Conditions that an access event must meet all of; `since` is included, `until` is not."""

    key_id: str | None = Field(None, max_length=_ID_CHARACTERS_MAX)
    vendor_id: str | None = Field(None, max_length=_ID_CHARACTERS_MAX)
    category: Category | None = None
    access: AccessWord | None = None
    decision: DecisionWord | None = None
    reason: Reason | None = None
    since: GivenInstant | None = None
    until: GivenInstant | None = None


class ActivityItem(JsonBody):
    """One access event: when, which key, which vendor, what data, what answer."""

    event_id: str
    at: Instant
    account_id: str | None
    key_id: str | None
    vendor_id: str | None
    vendor_key_id: str | None
    category: Category | None
    access: AccessWord | None
    method: str
    path: str
    decision: DecisionWord
    reason: Reason | None
    position: int
    gateway: str
    client_ip: str | None

    @classmethod
    def of(cls, event: AccessEvent) -> Self:
        """Return what a caller sees of an event."""
        return cls(
            event_id=event.event_id,
            at=event.at,
            account_id=event.account_id,
            key_id=event.key_id,
            vendor_id=event.vendor_id,
            vendor_key_id=event.vendor_key_id,
            category=event.category,
            access=None if event.access is None else event.access.word,
            method=event.method,
            path=event.path,
            decision=cast(DecisionWord, event.decision),
            reason=event.reason,
            position=event.position,
            gateway=event.gateway,
            client_ip=event.client_ip,
        )


class ActivityPage(JsonBody):
    """Access events, newest first, and where the next page starts."""

    items: list[ActivityItem]
    next_cursor: str | None


class ActivityCursor(JsonBody):
    """Where the next page of activity starts: behind the event that the one before it ends with."""

    at: GivenInstant
    event_id: UUID
