"""The end of a gatekeeper's run as JSON, and as a Kafka record, which is the run's last."""

from typing import Annotated, Final

import msgspec
import orjson

from keyfold.domain.access.gatekeeper_run import ClosedRun
from keyfold.wire.access.codec import RUN_CHARACTERS_MAX, SOURCE_PREFIX
from keyfold.wire.cloudevents import cloudevent_headers
from keyfold.wire.record import Received, Record
from keyfold.wire.timestamp import format_time, parse_time

CLOSED_TYPE: Final = "keyfold.journal.closed"
_TYPE_HEADER: Final = ("ce_type", CLOSED_TYPE.encode())


class MalformedClosedRun(Exception):
    """A record claims to be the end of a run but cannot be understood; dead-letter it and go on."""


class _ClosedRunJson(msgspec.Struct):
    gatekeeper: Annotated[str, msgspec.Meta(max_length=RUN_CHARACTERS_MAX, pattern=r"\A[^\x00]+\Z")]
    last_seq: Annotated[int, msgspec.Meta(ge=0, lt=2**63 - 1)]
    exact: bool
    at: str


_decode = msgspec.json.Decoder(_ClosedRunJson).decode


def closed_run_record(run: ClosedRun) -> Record:
    """Return the Kafka record; always the same for the same run, so that a repeat is recognised."""
    at = format_time(run.at)
    data = {"gatekeeper": run.gatekeeper, "last_seq": run.last_seq, "exact": run.is_exact, "at": at}
    attributes = {
        "specversion": "1.0",
        # A run ends once, and nothing else has its name as id.
        "id": run.gatekeeper,
        "source": SOURCE_PREFIX + run.gatekeeper,
        "type": CLOSED_TYPE,
        "time": at,
    }
    return Record(
        key=None,
        value=orjson.dumps(data),
        headers=cloudevent_headers(attributes, None),
        timestamp_ms=int(run.at.timestamp() * 1000),
    )


def is_closed_run_record(received: Received) -> bool:
    """Tell whether a record claims to be the end of a run."""
    return _TYPE_HEADER in received.headers


def decode_closed_run(line: bytes) -> ClosedRun:
    """Return the end of a run from its JSON. Raises MalformedClosedRun, which says what is wrong."""
    try:
        written = _decode(line)
        at = parse_time(written.at)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise MalformedClosedRun(f"{type(fault).__name__}: {fault}") from fault
    return ClosedRun(gatekeeper=written.gatekeeper, last_seq=written.last_seq, is_exact=written.exact, at=at)
