"""What may enter the log: an access event that can be understood and stored, of a time that the log holds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_interface
from typing import Final

from libs.domain.access_event import AccessEvent
from libs.wire.access_codec import MalformedAccessEvent, decode_access_event
from libs.wire.record import Received
from services.audit.retention import oldest_kept

# An index of PostgreSQL takes 2704 bytes; an id of ours has 16 characters.
_ID_CHARACTERS_MAX: Final = 64


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


def admit(received: Received, now: datetime, *, future_max_s: float) -> AccessEvent | Inadmissible:
    """Return the event that a record holds, or why it cannot be filed."""
    try:
        event = decode_access_event(received.value or b"")
    except MalformedAccessEvent as fault:
        # The fault's own words quote the record, which whoever reads the header need not be allowed to see.
        cause = type(fault.__cause__ or fault).__name__
        kind, detail = InadmissibleKind.MALFORMED, f"it is no access event ({cause})"
        return Inadmissible(received=received, kind=kind, detail=detail)
    if found := _unfit(event, now, future_max_s):
        kind, detail = found
        return Inadmissible(received=received, kind=kind, detail=detail)
    return event


def _unfit(event: AccessEvent, now: datetime, future_max_s: float) -> tuple[InadmissibleKind, str] | None:
    if fault := _unstorable(event):
        return InadmissibleKind.MALFORMED, fault
    if event.at < oldest_kept(now):
        return InadmissibleKind.TOO_OLD, "it is from before the log's 90 days"
    if event.at > now + timedelta(seconds=future_max_s):
        return InadmissibleKind.IN_THE_FUTURE, f"it is more than {future_max_s:g} s ahead of this clock"
    return None


def _unstorable(event: AccessEvent) -> str | None:
    for each in (event.account_id, event.key_id, event.vendor_id, event.vendor_key_id):
        if each is not None and len(each) > _ID_CHARACTERS_MAX:
            return f"an id is longer than {_ID_CHARACTERS_MAX} characters"
    if event.client_ip is not None and not _is_address(event.client_ip):
        return "its client_ip is no address"
    return None


@lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    try:
        ip_interface(text)
    except ValueError:
        return False
    return True
