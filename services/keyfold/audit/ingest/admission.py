"""What may enter the log: an access event that can be understood and stored, of a time that the log holds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from keyfold.audit.retention import oldest_kept
from keyfold.domain.access.closed_run import ClosedRun
from keyfold.domain.access.event import AccessEvent
from keyfold.ingest.port import SetAside
from keyfold.store.access_log.addresses import packed
from keyfold.wire.access.closed_run import MalformedClosedRun, decode_closed_run, is_closed_record
from keyfold.wire.access.codec import MalformedAccessEvent, decode_access_event
from keyfold.wire.record import Received


class InadmissibleKind(StrEnum):
    """Why a record cannot be filed, in a word."""

    MALFORMED = "malformed"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inadmissible:
    """A record that must not enter the log; `detail` quotes nothing of it."""

    received: Received
    kind: InadmissibleKind
    detail: str

    @property
    def reason(self) -> str:
        """Return what the dead letter's header says."""
        return f"{self.kind}: {self.detail}"

    def set_aside(self) -> SetAside:
        """Return it as what is set aside; a record of another time is no sign that this code is wrong."""
        return SetAside(
            received=self.received,
            kind=self.kind,
            reason=self.reason,
            is_damage=self.kind is InadmissibleKind.MALFORMED,
        )


def admit(
    received: Received, now: datetime, *, future_max: timedelta
) -> AccessEvent | ClosedRun | Inadmissible:
    """Return the event that a record holds, or the end of a run, or why it cannot be filed."""
    try:
        event = _understood(received)
    except (MalformedAccessEvent, MalformedClosedRun, ValueError) as fault:
        # The fault's own words quote the record, which whoever reads the header need not be allowed to see.
        detail = f"it is no access event ({type(fault.__cause__ or fault).__name__})"
        return Inadmissible(received=received, kind=InadmissibleKind.MALFORMED, detail=detail)
    if isinstance(event, ClosedRun):
        return event
    if event.at < oldest_kept(now):
        detail = "it is from before the log's 90 days"
        return Inadmissible(received=received, kind=InadmissibleKind.TOO_OLD, detail=detail)
    if event.at > now + future_max:
        detail = f"it is more than {future_max.total_seconds():g} s ahead of this clock"
        return Inadmissible(received=received, kind=InadmissibleKind.IN_THE_FUTURE, detail=detail)
    return event


def _understood(received: Received) -> AccessEvent | ClosedRun:
    value = received.value or b""
    try:
        event = decode_access_event(value)
    except MalformedAccessEvent:
        # Looked at only now, for nearly every record is an access event, and none of these is one.
        if is_closed_record(received):
            return decode_closed_run(value)
        raise
    if event.client_ip is not None:
        packed(event.client_ip)  # as it will be for PostgreSQL, which would refuse all of a batch for one
    return event
