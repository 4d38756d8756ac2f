"""The end of a gatekeeper's run to JSON and back, and as a Kafka record: the last one that a run has."""

from typing import Annotated, Final

import msgspec
import orjson

from keyfold.domain.access.closed_run import ClosedRun
from keyfold.wire.access.codec import RUN_CHARACTERS_MAX, SOURCE_PREFIX
from keyfold.wire.cloudevents import cloudevent_headers
from keyfold.wire.record import Received, Record
from keyfold.wire.timestamp import format_time, parse_time

CLOSED_TYPE: Final = "keyfold.journal.closed"
_TYPE_HEADER: Final = ("ce_type", CLOSED_TYPE.encode())


class MalformedClosedRun(Exception):
    """A record that says it is the end of a run and cannot be understood; dead-letter it and go on."""


class _ClosedRunJson(msgspec.Struct):
    gatekeeper: Annotated[str, msgspec.Meta(max_length=RUN_CHARACTERS_MAX, pattern=r"\A[^\x00]+\Z")]
    last_seq: Annotated[int, msgspec.Meta(ge=0, lt=2**63 - 1)]
    exact: bool
    at: str


_decode = msgspec.json.Decoder(_ClosedRunJson).decode


def closed_record(run: ClosedRun) -> Record:
    """Return the Kafka record: always the same for the same, so that a repeat is known as one."""
    at = format_time(run.at)
    data = {"gatekeeper": run.gatekeeper, "last_seq": run.last_seq, "exact": run.is_exact, "at": at}
    attributes = {
        "specversion": "1.0",
        # A run ends once, and its name is the id of nothing else.
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


def is_closed_record(received: Received) -> bool:
    """Tell whether a record says that it is the end of a run."""
    return _TYPE_HEADER in received.headers


def decode_closed_run(line: bytes) -> ClosedRun:
    """Return the end of a run that JSON holds. Raises MalformedClosedRun, saying what is wrong."""
    try:
        written = _decode(line)
        at = parse_time(written.at)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise MalformedClosedRun(f"{type(fault).__name__}: {fault}") from fault
    return ClosedRun(gatekeeper=written.gatekeeper, last_seq=written.last_seq, is_exact=written.exact, at=at)
