"""The shapes of the activity queries: what may be asked, and what an answer holds."""

from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Final, Literal, Self, cast
from uuid import UUID

from pydantic import Field
from pydantic.config import JsonDict

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.names import Names
from keyfold.domain.ids import EventId, KeyId, VendorId
from keyfold.domain.permissions import Access, AccessWord, Category
from keyfold.runtime.http import GivenInstant, GivenInt, Instant, JsonBody, PageQuery, QueryString
from keyfold.store.access_log.export import ExportFormat
from keyfold.store.access_log.scope import Filters
from keyfold.store.access_log.summaries import Bucket, Dimension
from keyfold.wire.access.codec import WORD_CHARACTERS_MAX

_ID_CHARACTERS_MAX: Final = 64
SUMMARY_ITEMS_MAX: Final = 10_000
_SUMMARY_ITEMS: Final = 1000
_NO_NUL: Final = r"^[^\x00]*$"
_ANY: Final = "|".join(Dimension)
_BY: Final = f"^({_ANY})(,({_ANY}))*$"
_BY_DEFAULT: Final = ",".join(each for each in Dimension if each is not Dimension.REASON)
_BY_CHARACTERS_MAX: Final = 64


def _known_values(words: type[StrEnum]) -> JsonDict:
    """Return the part of a schema that lists today's values; there will be more."""
    return {"x-known-values": [word.value for word in words]}


_SummaryCursorWord = Annotated[
    str,
    Field(
        max_length=1024,
        json_schema_extra={"format": "summary-cursor", "description": "the next_cursor of a summary"},
    ),
]
_Value = Annotated[str, Field(max_length=_ID_CHARACTERS_MAX, pattern=_NO_NUL)]
DecisionWord = Literal["allow", "deny"]
# A gatekeeper may be newer than this code: a word that is not known here is shown as it is.
_ReasonWord = Annotated[str, Field(json_schema_extra=_known_values(Reason))]
_CategoryWord = Annotated[str, Field(json_schema_extra=_known_values(Category))]
_GivenReason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=WORD_CHARACTERS_MAX,
        pattern=_NO_NUL,
        json_schema_extra=_known_values(Reason),
    ),
]


_GivenId = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="the event_id of one decision",
    ),
]


class _Conditions(QueryString):
    """Conditions that an access event must meet all of."""

    category: Category | None = None
    access: AccessWord | None = None
    decision: DecisionWord | None = None
    reason: _GivenReason | None = None

    def filters(self) -> Filters:
        """Return the conditions as the store takes them."""
        return Filters(
            category=self.category,
            access=None if self.access is None else Access.of(self.access),
            reason=self.reason,
            denied=None if self.decision is None else self.decision == "deny",
        )


class _OfRows(_Conditions):
    """Conditions on single events, which counts of events cannot meet."""

    decision_id: _GivenId | None = None

    def filters(self) -> Filters:
        """Return the conditions as the store takes them."""
        decision_id = None if self.decision_id is None else EventId(self.decision_id)
        return replace(super().filters(), decision_id=decision_id)


class _Named(_Conditions):
    """Conditions on the key and the vendor too, where the events name them."""

    key_id: str | None = Field(None, max_length=_ID_CHARACTERS_MAX, pattern=_NO_NUL)
    vendor_id: str | None = Field(None, max_length=_ID_CHARACTERS_MAX, pattern=_NO_NUL)

    def filters(self) -> Filters:
        """Return the conditions as the store takes them."""
        return replace(
            super().filters(),
            key_id=None if self.key_id is None else KeyId(self.key_id),
            vendor_id=None if self.vendor_id is None else VendorId(self.vendor_id),
        )


class _Timed(_Conditions):
    """Conditions within a time: from `since`, included, to `until`, excluded."""

    since: GivenInstant | None = None
    until: GivenInstant | None = None


class ActivityQuery(PageQuery, _Timed, _OfRows):
    """The query of a page of activity."""


class NamedActivityQuery(_Named, ActivityQuery):
    """The same where events name keys or vendors."""


class ExportQuery(_Timed, _OfRows):
    """The query of an export."""

    format: ExportFormat


class NamedExportQuery(_Named, ExportQuery):
    """The same where events name keys or vendors."""


class StreamQuery(_OfRows):
    """The query of a stream, without times: it shows what arrives from now on."""


class NamedStreamQuery(_Named, StreamQuery):
    """The same where events name keys or vendors."""


class SummaryQuery(PageQuery, _Timed):
    """The query of a summary. `by` names what is counted apart: all but reasons by default."""

    bucket: Bucket
    by: Annotated[str, Field(pattern=_BY, max_length=_BY_CHARACTERS_MAX)] = _BY_DEFAULT
    limit: GivenInt = Field(_SUMMARY_ITEMS, ge=1, le=SUMMARY_ITEMS_MAX)
    cursor: _SummaryCursorWord | None = None

    def dimensions(self) -> frozenset[Dimension]:
        """Return what is counted apart."""
        return frozenset(Dimension(each) for each in self.by.split(","))


class NamedSummaryQuery(_Named, SummaryQuery):
    """The same where events name keys or vendors."""


class ActivityItem(JsonBody):
    """One access event: when, which key, which vendor, what data, what answer.

    `vendor_name` and `key_name` are today's names, null if they are not known. A vendor never sees the name
    that a practice gave its key.
    """

    event_id: str
    at: Instant
    account_id: str | None
    key_id: str | None
    vendor_id: str | None
    vendor_key_id: str | None
    category: _CategoryWord | None
    access: AccessWord | None
    method: str
    path: str
    decision: DecisionWord
    reason: _ReasonWord | None
    position: int
    gateway: str
    client_ip: str | None
    requests: int
    vendor_name: str | None
    key_name: str | None

    @classmethod
    def of(cls, event: AccessEvent, names: Names) -> Self:
        """Return what a caller sees of an event; `names` holds only those that the caller may know."""
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
            requests=event.requests,
            vendor_name=names.vendor_of(event),
            key_name=names.key_of(event),
        )


class ActivityPage(JsonBody):
    """Access events, newest first, and where the next page starts."""

    items: list[ActivityItem]
    next_cursor: str | None


class ActivityCursor(JsonBody):
    """Where the next page of activity starts: after the last event of the page before."""

    at: GivenInstant
    event_id: UUID


class SummaryItem(JsonBody):
    """How many requests there were in the bucket that begins at `start`.

    A field is null if the requests had none, or if it is not in `by`."""

    start: Instant
    vendor_id: str | None = None
    key_id: str | None = None
    category: _CategoryWord | None = None
    access: AccessWord | None = None
    decision: DecisionWord | None = None
    reason: _ReasonWord | None = None
    requests: int


class SummaryPage(JsonBody):
    """Counts, the newest buckets first, and where the next page starts."""

    items: list[SummaryItem]
    next_cursor: str | None


class SummaryCursor(JsonBody):
    """Where the next page of a summary starts: after the last count of the page before."""

    start: GivenInstant
    combination: Annotated[list[_Value], Field(min_length=len(Dimension), max_length=len(Dimension))]


class StreamPlace(JsonBody):
    """A place in a stream: after a whole arrival batch, or after one event of it.

    `filing` is the batch's number.
    """

    filing: int = Field(ge=0, lt=2**63)
    at: GivenInstant | None = None
    event_id: UUID | None = None
