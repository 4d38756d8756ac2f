"""Health: a process is alive while it answers, and ready while no check gives a reason against."""

from collections.abc import Callable

Check = Callable[[], str | None]
"""Returns None when ready, else why not; reads state that others keep, and never waits."""


class Health:
    """The named readiness checks of a process."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

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
