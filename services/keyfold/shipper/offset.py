"""How far the broker has acknowledged a run's journal: a small file that is replaced in one step."""

from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from keyfold.wire.journal.files import CHECKPOINT

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalOffset:
    """A place in a run's journal: a segment, by the seq of its first record, and an offset in it, in bytes.

    `last_seq` is the highest known number of a record before it; `is_damaged` says that after that record
    there are bytes whose number cannot be read.
    """

    first_seq: int
    offset: int
    last_seq: int = 0
    is_damaged: bool = False


BEGINNING = JournalOffset(first_seq=0, offset=0)
"""Before every segment."""


def load_offset(run: Path) -> JournalOffset:
    """Return the place up to which everything is acknowledged; the beginning if none is recorded."""
    path = run / CHECKPOINT
    try:
        return _parse(path.read_bytes())
    except FileNotFoundError:
        return BEGINNING
    except ValueError:
        # Cut short, perhaps by a power failure. Shipping again is safe: each event keeps its id.
        log.warning("checkpoint_unreadable", path=str(path))
        return BEGINNING


def save_offset(run: Path, position: JournalOffset) -> None:
    """Record the place; readers see the old one or the new one. Raises OSError."""
    beside = run / f".{CHECKPOINT}"
    beside.write_bytes(orjson.dumps(position))
    beside.replace(run / CHECKPOINT)


def _parse(document: bytes) -> JournalOffset:
    match orjson.loads(document):
        case {
            "first_seq": int(first_seq),
            "offset": int(offset),
            "last_seq": int(last_seq),
            "is_damaged": bool(is_damaged),
        } if min(first_seq, offset, last_seq) >= 0:
            return JournalOffset(first_seq=first_seq, offset=offset, last_seq=last_seq, is_damaged=is_damaged)
        case {"first_seq": int(first_seq), "offset": int(offset)} if min(first_seq, offset) >= 0:
            # The version before noted no numbers, so how many records the segment has is not known.
            last_seq = max(0, first_seq - 1)
            return JournalOffset(first_seq=first_seq, offset=offset, last_seq=last_seq, is_damaged=True)
    raise ValueError("no position")
