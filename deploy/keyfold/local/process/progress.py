"""One line for each step of a start, with the seconds it took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from keyfold.runtime.clock import SYSTEM_CLOCK, Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupProgress:
    """Prints the steps of a start for a person; steps may overlap."""

    console: Console
    clock: Clock = SYSTEM_CLOCK

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print the title when the step is done; nothing when it fails, as its exception says why."""
        began_s = self.clock.monotonic_s()
        yield
        took_s = self.clock.monotonic_s() - began_s
        self.console.print(f"  [green]✓[/green] {title:<46} [dim]{took_s:5.1f} s[/dim]", highlight=False)

    def note(self, text: str) -> None:
        """Print what a person should know but need not act on."""
        self._print("[dim]·[/dim]", text)

    def warn(self, text: str) -> None:
        """Print what is not as a person would expect."""
        self._print("[yellow]![/yellow]", text)

    def _print(self, mark: str, text: str) -> None:
        self.console.print(f"  {mark} {escape(text)}", highlight=False, soft_wrap=True)
