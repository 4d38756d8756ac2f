"""Access tokens that go on: renewed shortly before they end, once however many requests need it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import msgspec

from libs.runtime.clock import Clock
from services.console.browser.session import Session
from services.console.sign_in.provider import NotSignedIn, Provider
from services.console.sign_in.provider import Tokens as Given

_AHEAD: Final = timedelta(seconds=20)
_KEPT: Final = timedelta(seconds=60)


@dataclass(slots=True, kw_only=True)
class Tokens:
    """Renews the tokens of sessions. A provider may believe each refresh token once, and a browser asks for
    several things at a time: so the answer is kept for a minute.
    """

    provider: Provider | None
    clock: Clock
    _renewals: dict[str, asyncio.Task[Given]] = field(default_factory=dict)

    async def fresh(self, session: Session) -> Session | None:
        """Return the session with a token that is good, None where it has ended for good. Raises TryLater."""
        if session.token_until - self.clock.now() > _AHEAD:
            return session
        if self.provider is None or session.refresh_token is None:
            return session if session.token_until > self.clock.now() else None
        try:
            given = await asyncio.shield(self._renewal(self.provider, session.refresh_token))
        except NotSignedIn:
            return None
        return msgspec.structs.replace(
            session,
            token=given.access_token,
            token_until=given.until,
            refresh_token=given.refresh_token or session.refresh_token,
            id_token=given.id_token or session.id_token,
        )

    def _renewal(self, provider: Provider, refresh_token: str) -> asyncio.Task[Given]:
        renewal = self._renewals.get(refresh_token)
        if renewal is None:
            renewal = asyncio.create_task(provider.renewed(refresh_token), name="token renewal")
            self._renewals[refresh_token] = renewal
            loop = asyncio.get_running_loop()
            loop.call_later(_KEPT.total_seconds(), self._renewals.pop, refresh_token, None)
        return renewal
