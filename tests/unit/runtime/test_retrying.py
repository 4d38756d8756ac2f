"""Trying again what is away."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from keyfold.runtime.failure import TryLater
from keyfold.runtime.retrying import Patience


class Flaky:
    """Raises what it is told, one after another, then gives what `trouble` was at each call."""

    def __init__(self, patience: Patience, *errors: Exception) -> None:
        self._patience = patience
        self._errors = list(errors)
        self.troubles: list[str | None] = []

    async def call(self) -> list[str | None]:
        self.troubles.append(self._patience.trouble)
        if self._errors:
            raise self._errors.pop(0)
        return self.troubles


async def test_until_done() -> None:
    """What is away is tried until it is there; meanwhile the trouble has its name, and the log the reason."""
    patience = Patience()
    flaky = Flaky(patience, TryLater("no answer"), TryLater())
    with capture_logs() as lines:
        troubles = await patience.retry("the store", flaky.call, on=(TryLater,))
    assert troubles == [None, "the store is away", "the store is away"]
    assert patience.trouble is None
    assert [(line["event"], line["what"], line["reason"]) for line in lines] == [
        ("waiting", "the store", "no answer"),
        ("waiting", "the store", "TryLater"),
    ]


async def test_another_failure_ends_it() -> None:
    """Any other failure goes to the caller at once, and with it the waiting is over."""
    patience = Patience()
    flaky = Flaky(patience, TryLater("no answer"), LookupError("nobody"))
    with pytest.raises(LookupError, match="nobody"):
        await patience.retry("the store", flaky.call, on=(TryLater,))
    assert flaky.troubles == [None, "the store is away"]
    assert patience.trouble is None
