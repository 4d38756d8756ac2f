"""A registry that accepts real tokens, and looks up what their logins are bound to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from keyfold.runtime.auth.claims import PLAIN_CLAIMS, ClaimMapping
from keyfold.runtime.auth.jwks import Jwks
from keyfold.runtime.authenticator import BearerTokens
from keyfold.store.ledger.logins import LoginBindings
from keyfold.store.postgres.connection import open_pool
from tests.support.registry.commanding import SetClock
from tests.support.registry.serving import Answered, Registry, serving
from tests.support.runtime import tokens
from tests.support.store.logins import login_of

SIGNER: Final = tokens.eddsa()
OPERATOR: Final = {"role": "operator", "sub": "olivia"}
REVIEWER: Final = {"role": "reviewer", "sub": "rex"}
APPLICATION: Final = {
    "name": "Recall Robots",
    "contact_email": "hello@recall.example",
    "website": "https://recall.example",
    "intended_use": "Reminds patients.",
    "categories": ["patient"],
}
Claims = dict[str, Any]


def nobody(sub: str) -> Claims:
    """Return the claims of somebody whose token names no role."""
    return {"role": None, "sub": sub}


def owner(account_id: str, sub: str = "otto") -> Claims:
    """Return the claims of an owner by the token alone."""
    return {"role": "owner", "sub": sub, "account_id": account_id}


def vendor(sub: str, vendor_id: str | None = None) -> Claims:
    """Return the claims of a vendor by the token, with this id or none."""
    return {"role": "vendor", "sub": sub, "vendor_id": vendor_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where everybody comes in."""

    registry: Registry
    clock: SetClock
    database: str

    async def ask(self, who: Claims, method: str, path: str, body: object = None, **headers: str) -> Answered:
        """Send a request with a token of these claims."""
        return await self.registry.ask(SIGNER.sign(who), method, path, body, **headers)

    async def done(self, who: Claims, method: str, path: str, body: object = None) -> Any:
        """Send a request that must succeed; return its answer."""
        answered = await self.ask(who, method, path, body)
        assert answered.status < 300, answered.body
        return answered.body

    async def account(self, name: str = "Practice") -> str:
        """Open an account and return its id."""
        return str((await self.done(OPERATOR, "POST", "/v1/accounts", {"name": name}))["account_id"])

    async def invited(self, who: Claims = OPERATOR, **body: object) -> Any:
        """Make an invitation."""
        return await self.done(who, "POST", "/v1/invitations", body)

    async def accept(self, who: Claims, code: str, **headers: str) -> Answered:
        """Accept an invitation."""
        return await self.ask(who, "POST", "/v1/invitations/accept", {"code": code}, **headers)

    async def let_in(self, sub: str, **tenant: str) -> str:
        """Invite somebody whose token names no role, who accepts; return the id of the login."""
        code = (await self.invited(OPERATOR, **tenant))["code"]
        accepted = await self.accept(nobody(sub), code)
        assert accepted.status == 200, accepted.body
        return str(accepted.body["login_id"])

    async def caller(self, who: Claims) -> Any:
        """Return what somebody is, according to the registry."""
        return await self.done(who, "GET", "/v1/caller")

    async def events(self) -> list[str]:
        """Return the types of all events so far."""
        return [
            row.type.removeprefix("keyfold.") for row, *_ in await self.registry.ledger.rows_after(0, 1000)
        ]


@asynccontextmanager
async def open_door(
    database: str, directory: Path, mapping: ClaimMapping = PLAIN_CLAIMS
) -> AsyncIterator[Door]:
    """Serve a registry on a database, which looks tokens up with the rights of the audit service."""
    jwks, clock = Jwks(str(tokens.jwks_file(directory, SIGNER)), tokens.SetClock()), SetClock()
    await jwks.load()
    async with open_pool(await login_of(database, "audit"), application_name="test") as pool:
        auth = BearerTokens(
            jwks,
            issuer=tokens.ISSUER,
            audience=tokens.AUDIENCE,
            mapping=mapping,
            bindings=LoginBindings(pool),
        )
        async with serving(database, clock=clock, auth=auth) as registry:
            yield Door(registry=registry, clock=clock, database=database)
