"""Renewing access tokens: shortly before they expire, and once however many requests need it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

import msgspec

from keyfold.console.browser.session import Session
from keyfold.console.sign_in.provider import NotSignedIn, Provider
from keyfold.console.sign_in.provider import ProviderTokens as Given
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater

_AHEAD: Final = timedelta(seconds=20)
_KEPT: Final = timedelta(seconds=60)
_NONE: Final = timedelta(0)


@dataclass(slots=True, kw_only=True)
class TokenRenewal:
    """Renews the tokens of sessions. A provider may accept each refresh token only once, but a browser sends
    several requests at a time: so the answer is kept for a minute.
    """

    provider: Provider | None
    clock: Clock
    _renewals: dict[str, asyncio.Task[Given]] = field(default_factory=dict)

    async def ensure_fresh(self, session: Session) -> Session | None:
        """Return the session with a valid token, None if it cannot be renewed any more. Raises TryLater."""
        left = session.token_until - self.clock.now()
        if left > _AHEAD:
            return session
        if self.provider is None or session.refresh_token is None:
            return session if left > _NONE else None
        try:
            given = await asyncio.shield(self._renewal(self.provider, session.refresh_token))
        except NotSignedIn:
            return None
        except TryLater:
            if left > _NONE:
                return session
            raise
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
            renewal = asyncio.create_task(provider.renew(refresh_token), name="token renewal")
            self._renewals[refresh_token] = renewal
            renewal.add_done_callback(partial(self._keep, refresh_token))
        return renewal

    def _keep(self, refresh_token: str, renewal: asyncio.Task[Given]) -> None:
        # A renewal without an answer is tried again by the next request.
        is_answered = not renewal.cancelled() and not isinstance(renewal.exception(), TryLater)
        kept_s = _KEPT.total_seconds() if is_answered else 0
        asyncio.get_running_loop().call_later(kept_s, self._renewals.pop, refresh_token, None)
