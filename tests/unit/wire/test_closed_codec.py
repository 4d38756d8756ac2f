"""The end of a run as a record, and back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from keyfold.domain.access.gatekeeper_run import ClosedRun
from keyfold.wire.access.closed_run import (
    MalformedClosedRun,
    closed_run_record,
    decode_closed_run,
    is_closed_run_record,
)
from keyfold.wire.access.codec import MalformedAccessEvent, decode_access_event
from keyfold.wire.record import Received
from tests.support.access_events import EPOCH

RUN = ClosedRun(gatekeeper="0190163d-8694-739b-aea5-966c26f8ad91", last_seq=9, is_exact=True, at=EPOCH)
LINE = (
    b'{"gatekeeper":"0190163d-8694-739b-aea5-966c26f8ad91","last_seq":9,"exact":true,'
    b'"at":"2026-03-15T12:00:00.000000Z"}'
)
DATA: dict[str, Any] = orjson.loads(LINE)


def test_a_record_says_all() -> None:
    """A CloudEvent without a key, whose id is the run: nothing of it differs in a repeat."""
    record = closed_run_record(RUN)
    assert (record.key, record.value) == (None, LINE)
    assert record.headers == (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", RUN.gatekeeper.encode()),
        ("ce_source", b"/keyfold/gatekeeper/" + RUN.gatekeeper.encode()),
        ("ce_type", b"keyfold.journal.closed"),
        ("ce_time", b"2026-03-15T12:00:00.000000Z"),
    )
    received = Received(
        topic="t", partition=0, offset=0, key=None, value=LINE, headers=record.headers, timestamp_ms=0
    )
    assert is_closed_run_record(received)
    assert not is_closed_run_record(replace(received, headers=(("ce_type", b"keyfold.access.decided"),)))


@pytest.mark.parametrize(
    "run",
    [RUN, replace(RUN, last_seq=0), replace(RUN, is_exact=False, last_seq=2**63 - 2, gatekeeper="g" * 128)],
)
def test_it_reads_back(run: ClosedRun) -> None:
    """What is read is what was written, also where further fields were added."""
    value = closed_run_record(run).value or b""
    assert decode_closed_run(value) == run
    assert decode_closed_run(orjson.dumps({**orjson.loads(value), "host": "eu-1"})) == run


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("gatekeeper", value) for value in (None, 7, "", "a\x00", "\x00", "g" * 129)),
        *(("last_seq", value) for value in (None, "9", -1, 2**63 - 1, 1.5, True)),
        *(("exact", value) for value in (None, 1, "true")),
        *(("at", value) for value in (None, 7, "", "2026-03-15", "2026-13-15T12:00:00.000000Z")),
    ],
)
def test_what_cannot_be_noted_is_malformed(field: str, value: object) -> None:
    """Another type, a count out of range, text that PostgreSQL cannot hold: told here, before it is asked."""
    for data in ({**DATA, field: value}, {name: DATA[name] for name in DATA if name != field}):
        with pytest.raises(MalformedClosedRun):
            decode_closed_run(orjson.dumps(data))


@pytest.mark.parametrize("line", [b"", b"{", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_end_of_a_run_is_malformed(line: bytes) -> None:
    """Anything may come from a topic."""
    with pytest.raises(MalformedClosedRun):
        decode_closed_run(line)


def test_it_is_no_access_event() -> None:
    """Who knows access events alone takes it for none."""
    with pytest.raises(MalformedAccessEvent):
        decode_access_event(LINE)
