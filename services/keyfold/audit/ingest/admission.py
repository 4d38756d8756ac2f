"""Which records may enter the log: an event that can be read and stored, from the time that the log keeps."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec.structs import replace

from keyfold.audit.retention import oldest_kept
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.gatekeeper_run import ClosedRun, RunRecord
from keyfold.ingest.port import SetAside
from keyfold.store.access_log.addresses import pack, unpack
from keyfold.wire.access.closed_run import MalformedClosedRun, decode_closed_run, is_closed_run_record
from keyfold.wire.access.codec import MalformedAccessEvent, decode_access_event
from keyfold.wire.access.run_record import MalformedRunRecord, decode_run_record, is_run_record
from keyfold.wire.record import Received


class InadmissibleKind(StrEnum):
    """Why a record may not enter the log, as one word."""

    MALFORMED = "malformed"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inadmissible:
    """A record that must not enter the log; `detail` never quotes it."""

    received: Received
    kind: InadmissibleKind
    detail: str

    @property
    def reason(self) -> str:
        """The text of the dead letter's header."""
        return f"{self.kind}: {self.detail}"

    def to_set_aside(self) -> SetAside:
        """Return it as ingest sets it aside.

        Only a malformed record counts as damage: one from another time is no sign that this code is wrong.
        """
        return SetAside(
            received=self.received,
            kind=self.kind,
            reason=self.reason,
            is_damage=self.kind is InadmissibleKind.MALFORMED,
        )


def admit(
    received: Received, now: datetime, *, future_max: timedelta
) -> AccessEvent | ClosedRun | RunRecord | Inadmissible:
    """Return what a record holds of a run, or why it may not enter the log."""
    try:
        event = _decode(received)
    except (MalformedAccessEvent, MalformedClosedRun, MalformedRunRecord, ValueError) as fault:
        # The fault's own text quotes the record, and a reader of the header may not be allowed to see that.
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


def _decode(received: Received) -> AccessEvent | ClosedRun | RunRecord:
    value = received.value or b""
    try:
        event = decode_access_event(value)
    except MalformedAccessEvent:
        # Asked only now: nearly every record is an access event, and nothing else reads as one.
        if is_closed_run_record(received):
            return decode_closed_run(value)
        if is_run_record(received):
            return decode_run_record(received)
        raise
    if event.client_ip is not None:
        # One address that PostgreSQL refuses would fail its whole batch; and a row gives back one spelling.
        client_ip = unpack(pack(event.client_ip))
        if client_ip != event.client_ip:
            return replace(event, client_ip=client_ip)
    return event
