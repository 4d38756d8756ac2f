"""What a run had counted when it died: events that its journal lacks, numbered after its last."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from msgspec.structs import replace

from keyfold.domain.access.event import AccessEvent
from keyfold.wire.access.codec import (
    MalformedAccessEvent,
    access_record,
    encode_access_event,
    id_of,
    seq_of,
)
from keyfold.wire.journal.counted_slots import SLOT_BYTES, SLOTS_MAX, DamagedSlot, read_slots
from keyfold.wire.journal.files import COUNTED, segment_name
from keyfold.wire.journal.line import TornLine, read_journal_line
from keyfold.wire.record import Record

# Journalled counts are at the very end of the journal as long as their slots are not released. A power cut
# may lose releases of the last seconds, so more than the very end is searched.
_END_BYTES: Final = 16 * SLOTS_MAX * SLOT_BYTES

log = structlog.get_logger(__name__)


class _JournalEnd(NamedTuple):
    """The end of a journal: its last number, and the ids of its last events."""

    seq: int
    event_ids: frozenset[str]


def read_counted(run: Path, newest_first_seq: int) -> tuple[Record, ...]:
    """Return the records that a dead run had counted and not journalled, the same ones each time.

    `newest_first_seq` is the first number of its newest segment. Raises OSError.
    """
    try:
        slots = list(read_slots((run / COUNTED).read_bytes()))
    except FileNotFoundError:
        return ()
    events = list(_undamaged(run, slots))
    if not events:
        return ()
    end = _read_end(run / segment_name(newest_first_seq), newest_first_seq)
    lacking = [event for event in events if event.event_id not in end.event_ids]
    return tuple(
        access_record(encode_access_event(replace(event, seq=seq)))
        for seq, event in enumerate(lacking, end.seq + 1)
    )


def delete_counted(run: Path) -> None:
    """Delete the counts that are shipped, before the journal that their numbers follow. Raises OSError."""
    (run / COUNTED).unlink(missing_ok=True)


def _undamaged(run: Path, slots: Iterable[AccessEvent | DamagedSlot]) -> Iterator[AccessEvent]:
    for each in slots:
        if isinstance(each, DamagedSlot):
            log.error("count_damaged", run=run.name, slot=each.slot, requests=each.requests)
        else:
            yield each


def _read_end(segment: Path, first_seq: int) -> _JournalEnd:
    seq, event_ids = first_seq - 1, set[str]()
    for line in _last_lines(segment):
        try:
            record = access_record(read_journal_line(line))
        except (TornLine, MalformedAccessEvent):
            # It had a number, whatever it was. If it ended a longer line, the next line corrects this.
            seq += 1
        else:
            seq = seq_of(record)
            event_ids.add(id_of(record))
    return _JournalEnd(seq, frozenset(event_ids))


def _last_lines(segment: Path) -> Sequence[bytes]:
    with segment.open("rb") as file:
        file.seek(max(0, segment.stat().st_size - _END_BYTES))
        # A line without a newline is no record.
        return file.read().split(b"\n")[:-1]
