"""One line for each step of a start, with its seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from keyfold.runtime.clock import SYSTEM_CLOCK, Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupProgress:
    """Tells a person what has been done; steps may overlap."""

    console: Console
    clock: Clock = SYSTEM_CLOCK

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Say what was done when it is done, and nothing if it failed: the failure speaks for itself."""
        began_s = self.clock.monotonic_s()
        yield
        took_s = self.clock.monotonic_s() - began_s
        self.console.print(f"  [green]✓[/green] {title:<46} [dim]{took_s:5.1f} s[/dim]", highlight=False)

    def note(self, text: str) -> None:
        """Say what a person should know and need not do anything about."""
        self._say("[dim]·[/dim]", text)

    def warn(self, text: str) -> None:
        """Say what is not as a person would expect it."""
        self._say("[yellow]![/yellow]", text)

    def _say(self, mark: str, text: str) -> None:
        self.console.print(f"  {mark} {escape(text)}", highlight=False, soft_wrap=True)
