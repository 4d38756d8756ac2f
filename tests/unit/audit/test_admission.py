"""What may enter the access log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from keyfold.audit.ingest.admission import Inadmissible, InadmissibleKind, admit
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.gatekeeper_run import ClosedRun, RunRecord
from keyfold.domain.ids import AccountId
from keyfold.wire.access.closed_run import closed_run_record
from keyfold.wire.access.codec import encode_access_event
from keyfold.wire.record import Received
from tests.support.access_events import EPOCH, access_event

FUTURE_MAX = timedelta(seconds=300)


def receive(value: bytes | None) -> Received:
    """Return a record with that value."""
    return Received(topic="t", partition=0, offset=0, key=None, value=value, headers=(), timestamp_ms=0)


def admit_record(event: AccessEvent) -> AccessEvent | ClosedRun | RunRecord | Inadmissible:
    """Return what becomes of an event that arrives at noon."""
    return admit(receive(encode_access_event(event)), EPOCH, future_max=FUTURE_MAX)


def test_an_access_event_enters() -> None:
    """An event of today is admitted as it is."""
    assert admit_record(access_event(1)) == access_event(1)


@pytest.mark.parametrize(
    ("age", "kind"),
    [
        (timedelta(days=90), None),
        (timedelta(days=90, microseconds=1), InadmissibleKind.TOO_OLD),
        (timedelta(seconds=-300), None),
        (timedelta(seconds=-300, microseconds=-1), InadmissibleKind.IN_THE_FUTURE),
    ],
)
def test_only_events_of_the_logs_time_enter(age: timedelta, kind: InadmissibleKind | None) -> None:
    """Ninety days back and the setting's seconds ahead are the bounds, both included."""
    found = admit_record(access_event(0, at=EPOCH - age))
    assert (found.kind if isinstance(found, Inadmissible) else None) == kind


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"[]", b"7", b'{"event_id": "secret-thing"}', b"\xff\xfe"]
)
def test_what_is_no_access_event_is_inadmissible(value: bytes | None) -> None:
    """Any other bytes are inadmissible, with a reason that does not quote them."""
    found = admit(receive(value), EPOCH, future_max=FUTURE_MAX)
    assert isinstance(found, Inadmissible)
    assert found.reason.startswith("malformed: it is no access event")
    assert "secret" not in found.reason


@pytest.mark.parametrize(
    "event",
    [access_event(1, account_id=AccountId("x" * 3000)), access_event(1, client_ip="caller.example")],
)
def test_what_the_log_cannot_store_is_inadmissible(event: AccessEvent) -> None:
    """A value that PostgreSQL would refuse is refused here, where it stops nothing else."""
    found = admit_record(event)
    assert isinstance(found, Inadmissible)
    assert found.kind is InadmissibleKind.MALFORMED


def test_a_shortened_address_enters() -> None:
    """A network in place of an address is admitted: gatekeepers can be set to keep only that."""
    assert isinstance(admit_record(access_event(1, client_ip="203.0.113.0/24")), AccessEvent)


def test_the_end_of_a_run_enters() -> None:
    """The end of a run is admitted at any time, for it is no event; a malformed one is inadmissible."""
    run = ClosedRun(gatekeeper="run", last_seq=9, is_exact=True, at=EPOCH - timedelta(days=100))
    record = closed_run_record(run)
    came = replace(receive(record.value), headers=record.headers)
    assert admit(came, EPOCH, future_max=FUTURE_MAX) == run
    found = admit(replace(came, value=b"{}"), EPOCH, future_max=FUTURE_MAX)
    assert isinstance(found, Inadmissible)
    assert found.kind is InadmissibleKind.MALFORMED
    assert isinstance(admit(receive(record.value), EPOCH, future_max=FUTURE_MAX), Inadmissible)
