"""Layout for a terminal's width: what may be copied is never cut, and what has no room is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from rich.text import Text

from keyfold.cli.screen.lines import break_lines, chop, widest_word, width_of, words
from keyfold.cli.screen.shown import Bars, Chronicle, Details, Listing, TimelineEntry, Toned, Value
from keyfold.cli.screen.sparkline import sparkline
from keyfold.cli.screen.streams import escape, make_encodable
from keyfold.runtime.legible import UNSEEN, UNSEEN_IN_PROSE

GAP: Final = "  "
INDENT: Final = "    "
PROSE_MIN: Final = 10
BARS_MIN: Final = 10
BARS_MAX: Final = 90
VALUES_MIN: Final = 30
"""If the names leave less than this, values beside them would be a column of single words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The room to write in: a number of columns, None for no limit, and an encoding."""

    columns: int | None
    encoding: str = "utf-8"

    def holds(self, width: int) -> bool:
        """Tell whether this many columns fit."""
        return self.columns is None or width <= self.columns

    def text(self, value: str, *, prose: bool = False) -> str:
        """Return a text with escapes for characters that are invisible, and could steer the terminal, or that
        cannot be encoded. Prose keeps its lines."""
        unseen = UNSEEN_IN_PROSE if prose else UNSEEN
        written = value.replace("\r\n", "\n").expandtabs(4) if prose else value
        return make_encodable(unseen.sub(lambda found: escape(found[0]), written), self.encoding)

    def cell(self, value: Value, width: int) -> Text:
        """Return a value, padded to at least this width, and the gap after it."""
        text = _draw(value, self)
        text.pad_right(max(0, width - width_of(text.plain)) + len(GAP))
        return text

    def cut(self, text: Text, columns: int | None = None) -> Text:
        """Return as much of a text as fits; an ellipsis stands for the rest."""
        columns = self.columns if columns is None else columns
        if columns is None or width_of(text.plain) <= columns:
            return text
        mark = make_encodable("…", self.encoding)
        return text[: len(chop(text.plain, columns - len(mark))[0])].append(mark)

    def break_lines(self, text: Text, indent: str = "") -> list[Text]:
        """Return a text in lines with an indent; a line with a word that fits only without it has none."""
        if self.columns is None:
            return [Text(indent).append_text(line) for line in text.split("\n", allow_blank=True)]
        room = self.columns - len(indent)
        lines = break_lines(text, room)
        return [Text(indent if width_of(each.plain) <= room else "").append_text(each) for each in lines]


def lay_out(shown: Listing | Details | Chronicle, room: Room) -> list[Text]:
    """Return the lines that a person sees of a view."""
    if isinstance(shown, Chronicle):
        entries = [line for entry in shown.entries for line in _entry(entry, room)]
        return entries or room.break_lines(Text(shown.empty))
    note = room.break_lines(Text(room.text(shown.note, prose=True), style="bold")) if shown.note else []
    if isinstance(shown, Details):
        return [*_block(shown.lines, room), *note]
    return [*(_listing(shown, room) if shown.rows else room.break_lines(Text(shown.empty))), *note]


def _entry(entry: TimelineEntry, room: Room) -> Iterator[Text]:
    *circumstances, what = map(room.text, entry.headline)
    headline = Text(GAP.join((*circumstances, ""))).append(what, style="bold")
    yield from room.break_lines(headline)
    for line in entry.lines:
        yield from room.break_lines(Text(room.text(line, prose=True)), INDENT)


def _block(members: Mapping[str, Value], room: Room) -> Iterator[Text]:
    """Yield the lines of each member: its value beside its name, or below it if it fits only there."""
    name_width = max(map(width_of, members), default=0) + len(GAP)
    beside = Room(columns=None if room.columns is None else room.columns - name_width, encoding=room.encoding)
    for name, value in members.items():
        title = Text().append(name, style="bold")
        text = _draw(value, beside, prose=True)
        if not beside.holds(max(map(width_of, words(text.plain)), default=0)) or not beside.holds(VALUES_MIN):
            yield title
            yield from room.break_lines(text)
            continue
        title.pad_right(name_width - width_of(title.plain))
        for line in beside.break_lines(text):
            yield title.append_text(line)
            title = Text(" " * name_width)


def _listing(listing: Listing, room: Room) -> Iterator[Text]:
    columns = [
        _Column.of(name, values, room, is_prose=name in listing.prose)
        for name, *values in zip(listing.columns, *listing.rows, strict=True)
    ]
    gives_way = [name for name in listing.gives_way if name in listing.columns]
    missing: list[str] = []
    while not room.holds(_width([column.least for column in columns])):
        if not gives_way:
            yield from _blocks(listing, room)
            return
        missing.append(gives_way.pop(0))
        columns = [column for column in columns if column.name != missing[-1]]
    yield from _table(columns, room)
    if missing:
        yield from room.break_lines(note_left_out(missing))


def note_left_out(columns: Sequence[str]) -> Text:
    """Return the line that names the columns without room."""
    return Text(f"Not shown at this width: {', '.join(columns)}; --wide or --json has all.", style="dim")


def _blocks(listing: Listing, room: Room) -> Iterator[Text]:
    for number, row in enumerate(listing.rows):
        if number:
            yield Text()
        yield from _block(dict(zip(listing.columns, row, strict=True)), room)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column's values, and its best and its least width."""

    name: str
    values: Sequence[Value]
    best: int
    least: int

    @classmethod
    def of(cls, name: str, values: Sequence[Value], room: Room, *, is_prose: bool) -> _Column:
        bests = [width_of(name), *(_best(value, room) for value in values)]
        leasts = [_least(value, room) for value in values] if is_prose else bests
        drawn = [BARS_MIN for value in values if isinstance(value, Bars)]
        best = max(bests)
        least = max(width_of(name), *(drawn or leasts), 0)
        return cls(name=name, values=values, best=best, least=min(best, least))

    def lines(self, value: Value, width: int, room: Room) -> list[Text]:
        within = Room(columns=width, encoding=room.encoding)
        return break_lines(_draw(value, within), width, folds=True)


def _best(value: Value, room: Room) -> int:
    if isinstance(value, Bars):
        return min(BARS_MAX, len(value.numbers))
    return width_of(room.text(str(value)))


def _least(value: Value, room: Room) -> int:
    return max(PROSE_MIN, widest_word(room.text(str(value))))


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _table(columns: Sequence[_Column], room: Room) -> Iterator[Text]:
    widths = _fit(columns, room)
    heads = [[Text(column.name, style="bold")] for column in columns]
    yield from _row(heads, widths)
    for row in zip(*(column.values for column in columns), strict=True):
        cells = zip(columns, row, widths, strict=True)
        yield from _row([column.lines(value, width, room) for column, value, width in cells], widths)


def _fit(columns: Sequence[_Column], room: Room) -> list[int]:
    """Return a width for each column that together fit, narrowing the widest first."""
    widths = [column.best for column in columns]
    while not room.holds(_width(widths)):
        _, widest = max((widths[n], n) for n, column in enumerate(columns) if widths[n] > column.least)
        widths[widest] -= 1
    return widths


def _row(cells: Sequence[Sequence[Text]], widths: Sequence[int]) -> Iterator[Text]:
    for parts in zip_longest(*cells, fillvalue=Text()):
        line = Text()
        for part, width in zip(parts, widths, strict=True):
            line.append_text(part).append(" " * (width - width_of(part.plain)) + GAP)
        line.rstrip()
        yield line


def _draw(value: Value, room: Room, *, prose: bool = False) -> Text:
    if isinstance(value, Bars):
        width = BARS_MAX if room.columns is None else min(BARS_MAX, room.columns)
        return Text(make_encodable(sparkline(value.numbers, width), room.encoding))
    # As text, never as markup: a name may contain brackets.
    return Text(room.text(str(value), prose=prose), style=value.tone if isinstance(value, Toned) else "")
