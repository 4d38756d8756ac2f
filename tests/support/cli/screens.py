"""What a person sees of a command's view."""

from __future__ import annotations

from keyfold.cli.screen import Chronicle, Details, Listing, Room
from keyfold.cli.screen.layout import lay_out


def render_lines(
    shown: Listing | Details | Chronicle, columns: int | None = 80, encoding: str = "utf-8"
) -> list[str]:
    """Return its lines on a terminal with this many columns, None for no limit."""
    return [line.plain for line in lay_out(shown, Room(columns=columns, encoding=encoding))]
