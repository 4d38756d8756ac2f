"""What a person sees of what a command shows."""

from __future__ import annotations

from keyfold.cli.screen import Chronicle, Details, Listing, Room
from keyfold.cli.screen.layout import lay_out


def seen(
    shown: Listing | Details | Chronicle, columns: int | None = 80, encoding: str = "utf-8"
) -> list[str]:
    """Return its lines on a terminal of so many columns, None for one without end."""
    return [line.plain for line in lay_out(shown, Room(columns=columns, encoding=encoding))]
