"""Renewals of access tokens: once for all who need one, and tried again if nobody answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest

from keyfold.console.browser.session import Person, Session
from keyfold.console.sign_in.provider import NotSignedIn, Provider
from keyfold.console.sign_in.provider import ProviderTokens as Given
from keyfold.console.sign_in.tokens import TokenRenewal
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.failure import TryLater
from tests.support.eventually import eventually


class Saying(Provider):
    """A provider that gives these answers in turn, and the last one for ever."""

    def __init__(self, *answers: Given | Exception) -> None:
        self.asked = 0
        self._answers = answers

    async def renew(self, refresh_token: str) -> Given:
        """Give the next answer."""
        self.asked += 1
        answer = self._answers[min(self.asked, len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def session(ends_in_s: float) -> Session:
    """Return a session whose access token expires after so many seconds."""
    now = SYSTEM_CLOCK.now()
    return Session(
        session_id="a",
        person=Person(sub="oscar"),
        token="old",
        token_until=now + timedelta(seconds=ends_in_s),
        began_at=now,
        used_at=now,
        refresh_token="refresh",
    )


NEW = Given(
    access_token="new",
    until=SYSTEM_CLOCK.now() + timedelta(hours=1),
    refresh_token=None,
    id_token=None,
)
AWAY = TryLater("away")


async def fresh(provider: Provider, sessions: Sequence[Session]) -> list[str | None]:
    """Return the token that each session continues with, None for one that is over."""
    tokens = TokenRenewal(provider=provider, clock=SYSTEM_CLOCK)
    found = await asyncio.gather(*(tokens.ensure_fresh(each) for each in sessions))
    return [None if each is None else each.token for each in found]


async def test_once() -> None:
    """One of many requests renews, and all continue with its result."""
    provider = Saying(NEW)
    assert await fresh(provider, [session(1)] * 5) == ["new"] * 5
    assert provider.asked == 1


async def test_away() -> None:
    """While the provider is away a token that is good for some seconds still is used; one that has ended is
    no end of the session."""
    assert await fresh(Saying(AWAY), [session(5)]) == ["old"]
    with pytest.raises(TryLater):
        await fresh(Saying(AWAY), [session(-5)])
    assert await fresh(Saying(NotSignedIn("no")), [session(5)]) == [None]


async def test_back() -> None:
    """If nobody answered, the provider is asked again at once, not after a minute."""
    tokens = TokenRenewal(provider=Saying(AWAY, NEW), clock=SYSTEM_CLOCK)

    async def is_renewed() -> bool:
        try:
            found = await tokens.ensure_fresh(session(-5))
        except TryLater:
            return False
        return found is not None and found == msgspec.structs.replace(found, token="new")

    await eventually(is_renewed)
