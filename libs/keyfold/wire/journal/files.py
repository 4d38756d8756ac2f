"""The names of a journal's files, on which its writer and its reader must agree.

    <journal directory>/
      shipper.lock                     flock: the one shipper of this directory
      .damaged/                        bytes that match no checksum, one file a range
      <run id>/                        one run of one gatekeeper process
        lock                           flock, exclusive, held while the run lives; holds the boot's id
        00000000000000000000.journal   what opens the run, and records from seq 1
        00000000000000004097.journal   the next segment, from seq 4097
        shipped.json                   how far the broker has acknowledged; the shipper's
        counted                        events that still count requests; see counted_slots

A writer makes its directory under a hidden name, locks it, and renames it: so no reader ever sees a run that
looks dead before it has begun. It begins a segment only when it will write no more to the one before. Only
the shipper deletes files.
"""

import re

SHIPPER_LOCK = "shipper.lock"
WRITER_LOCK = "lock"
CHECKPOINT = "shipped.json"
COUNTED = "counted"
DAMAGED = ".damaged"

_SEGMENT = re.compile(r"(\d{20})\.journal")
_RUN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def is_run(name: str) -> bool:
    """Tell whether a directory of that name is a gatekeeper's run: it does not begin with a dot."""
    return _RUN.fullmatch(name) is not None


def hidden_name(run_id: str) -> str:
    """Return the name of a run's directory while it is being made."""
    return f".{run_id}"


def segment_name(first_seq: int) -> str:
    """Return the name of the segment whose first record has that seq, 0 for what opens the run.

    Names sort as records do.
    """
    return f"{first_seq:020}.journal"


def segment_first_seq(name: str) -> int | None:
    """Return the seq of a segment's first record, or None for a file that is not a segment."""
    found = _SEGMENT.fullmatch(name)
    return None if found is None else int(found[1])


def damaged_name(run_id: str, first_seq: int, start: int, end: int) -> str:
    """Return the name of the file that keeps a segment's bytes from `start` up to, not including, `end`."""
    return f"{run_id}.{first_seq:020}.{start}-{end}"
