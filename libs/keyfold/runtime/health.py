"""Health: a process is alive while it answers, and ready while no check gives a reason against."""

from collections.abc import Callable

Fact = Callable[[], str]
"""Returns something that an operator wants to know, ready or not."""

Check = Callable[[], str | None]
"""Returns None when ready, else why not; reads state that others keep, and never waits."""


class Health:
    """The named readiness checks of a process, and what else it says of itself."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._facts: dict[str, Fact] = {}

    def tell(self, name: str, fact: Fact) -> None:
        """Show a fact under a name, which readiness does not depend on."""
        self._facts[name] = fact

    def facts(self) -> dict[str, str]:
        """Return each fact by its name."""
        return {name: fact() for name, fact in self._facts.items()}

    def add(self, name: str, check: Check) -> None:
        """Make readiness depend on ``check``. Raises ValueError if the name is taken."""
        if name in self._checks:
            raise ValueError(f"two readiness checks are named {name}")
        self._checks[name] = check

    def drain(self) -> None:
        """Give a reason against from now on: the process is stopping."""
        self._checks["draining"] = lambda: "the process is stopping"

    def reasons(self) -> dict[str, str]:
        """Return the reason of each failing check by its name; empty when ready."""
        found = {name: check() for name, check in self._checks.items()}
        return {name: reason for name, reason in found.items() if reason is not None}
