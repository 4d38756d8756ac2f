"""Who may sign in, read from the ledger: what a login is bound to, and lists of logins and invitations.

The read model comes after the ledger, but a login's binding and its end must count at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keyfold.domain.ids import AccountId, StreamId, VendorId, login_stream
from keyfold.runtime.auth.caller import Binding
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.keys.invitation_code import login_id_of

_FROM_THE_HEAD = 2**63 - 1

_sql = load_statements("ledger/logins")


class LoginBindings:
    """What logins are bound to, for every service that believes tokens."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, issuer: str, subject: str) -> Binding | None:
        """Return what a login is bound to, None for one that never was. Raises DatabaseAway."""
        stream = login_stream(login_id_of(issuer, subject))
        with translate_errors():
            async with self._pool.acquire() as connection:
                row = await _sql.last(connection, stream=stream)
        if row is None:
            return None
        if not row["is_bound"]:
            return Binding()
        return Binding(account_id=row["account_id"], vendor_id=row["vendor_id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A login or an invitation of a list: the stream that it is, and the position at which it began."""

    position: int
    stream: StreamId


class SignInLists:
    """Lists of logins and invitations, newest first, of those that began before a position."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list_logins(
        self, tenant: AccountId | VendorId, before: int | None, limit: int
    ) -> Sequence[Listed]:
        """Return the logins that an account or a vendor has. Raises DatabaseAway."""
        return await self._list(_sql.logins_of, before, limit, tenant=tenant)

    async def list_invitations(
        self, tenant: AccountId | VendorId | None, before: int | None, limit: int
    ) -> Sequence[Listed]:
        """Return the invitations to an account or a vendor, used ones too; to any for None."""
        if tenant is None:
            return await self._list(_sql.all_invitations, before, limit)
        return await self._list(_sql.invitations_of, before, limit, tenant=tenant)

    async def _list(self, statement: Any, before: int | None, limit: int, **scope: str) -> Sequence[Listed]:
        below = _FROM_THE_HEAD if before is None else before
        with translate_errors():
            async with self._pool.acquire() as connection:
                rows = statement(connection, before=below, limit=limit, **scope)
                return [Listed(position=row["position"], stream=row["stream"]) async for row in rows]
