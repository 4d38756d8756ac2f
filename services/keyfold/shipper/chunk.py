"""Reads a part of a journal segment: whole lines as records, and the damage between them."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from keyfold.wire.access.codec import MalformedAccessEvent, access_record
from keyfold.wire.journal.line import TornLine, read_journal_line
from keyfold.wire.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Bytes of a segment, from `start` to `end` (excluded), that are not access events, and why."""

    start: int
    end: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What was read: records in order, damage, where to read on, and whether the segment ends there."""

    records: tuple[Record, ...]
    damages: tuple[Damage, ...]
    next_offset: int
    at_end: bool


def read_chunk(path: Path, offset: int, bytes_max: int, *, is_final: bool) -> Chunk:
    """Read up to `bytes_max` from an offset where a line starts.

    What follows the last newline is left for the next time, because its writer may not be done with it. In a
    segment that `is_final` it is damage, and so is a line longer than `bytes_max`.
    """
    data = _read(path, offset, bytes_max)
    at_end = len(data) < bytes_max
    whole_bytes = data.rfind(b"\n") + 1
    if whole_bytes < len(data) and (is_final if at_end else whole_bytes == 0):
        whole_bytes = len(data)
    records, damages = _parse_lines(data[:whole_bytes], offset)
    return Chunk(
        records=tuple(records),
        damages=tuple(damages),
        next_offset=offset + whole_bytes,
        at_end=at_end,
    )


def _read(path: Path, offset: int, bytes_max: int) -> bytes:
    with path.open("rb", buffering=0) as segment:
        segment.seek(offset)
        return segment.read(bytes_max)


def _parse_lines(data: bytes, start: int) -> tuple[list[Record], list[Damage]]:
    """Return the records and the damage of bytes that begin at `start` in their segment."""
    *lines, unfinished = data.split(b"\n")
    if not unfinished:
        # Damage is rare: it is located only if there is some.
        with suppress(TornLine, MalformedAccessEvent):
            return [access_record(read_journal_line(line)) for line in lines], []
    records: list[Record] = []
    damages: list[Damage] = []
    for line in lines:
        end = start + len(line) + 1
        try:
            records.append(access_record(read_journal_line(line)))
        except TornLine:
            _add(damages, Damage(start=start, end=end, why="a line does not carry its own checksum"))
        except MalformedAccessEvent:
            _add(damages, Damage(start=start, end=end, why="a line is no access event"))
        start = end
    if unfinished:
        _add(damages, Damage(start=start, end=start + len(unfinished), why="the last line is not whole"))
    return records, damages


def _add(damages: list[Damage], damage: Damage) -> None:
    if damages and damages[-1].end == damage.start:
        damage = Damage(start=damages.pop().start, end=damage.end, why=damage.why)
    damages.append(damage)
