"""Logins over HTTP: who may sign in for an account or a vendor, and the end of that."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from keyfold.domain.ids import LoginId, StreamId, login_stream
from keyfold.domain.lifecycle.aggregates import LOGIN
from keyfold.domain.lifecycle.identity.login import BoundLogin, EndLogin, Login
from keyfold.registry.commands.http import CommandsOverHttp, show_subject
from keyfold.registry.identity.bodies import LoginPage, LoginResource
from keyfold.registry.identity.tenants import Tenant, tenant_of_path
from keyfold.registry.reads import ListCursor, read_before
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import (
    NOT_FOUND,
    Answer,
    AnyOf,
    AnyRoute,
    OwnAccount,
    PageQuery,
    Reply,
    Request,
    Roles,
    Route,
    VendorItself,
    cut,
    encode_cursor,
    page,
)
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.logins import SignInLists
from keyfold.store.ledger.read_set import ReadSet, Versioned
from keyfold.wire.keys.invitation_code import is_login_id

_OPERATOR: Final = frozenset({Role.OPERATOR})
_OF_ACCOUNT: Final = "/v1/accounts/{account_id}/logins"
_OF_VENDOR: Final = "/v1/vendors/{vendor_id}/logins"
_OWNERS: Final = AnyOf((OwnAccount(), Roles(_OPERATOR)))
_LOGINS_MAX: Final = 1000


class LoginRoutes:
    """The calls about logins."""

    def __init__(self, commands: CommandsOverHttp, ledger: Ledger, lists: SignInLists, clock: Clock) -> None:
        self._commands = commands
        self._ledger = ledger
        self._lists = lists
        self._clock = clock

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="GET",
                path=_OF_ACCOUNT,
                handler=self.list_account_logins,
                rule=_OWNERS,
                summary="The logins that speak for the account as its owner, those let in last first.",
                query=PageQuery,
                answer=LoginPage,
            ),
            Route(
                method="DELETE",
                path=_OF_ACCOUNT + "/{login_id}",
                handler=self.end_account_login,
                rule=_OWNERS,
                summary="Shut a login of the account out, at once; the last one only an operator can.",
                answer=LoginResource,
                refusals=(409, 412),
            ),
            Route(
                method="GET",
                path=_OF_VENDOR,
                handler=self.list_vendor_logins,
                rule=VendorItself(also=frozenset({Role.OPERATOR, Role.REVIEWER})),
                summary="The logins that speak for the vendor, those let in last first.",
                query=PageQuery,
                answer=LoginPage,
            ),
            Route(
                method="DELETE",
                path=_OF_VENDOR + "/{login_id}",
                handler=self.end_vendor_login,
                rule=VendorItself(also=_OPERATOR),
                summary="Shut a login of the vendor out, at once; the last one only an operator can.",
                answer=LoginResource,
                refusals=(409, 412),
            ),
        ]

    async def list_account_logins(self, request: Request[None, PageQuery]) -> Reply:
        """Show a page of an account's logins."""
        return await self._page(request)

    async def list_vendor_logins(self, request: Request[None, PageQuery]) -> Reply:
        """Show a page of a vendor's logins."""
        return await self._page(request)

    async def end_account_login(self, request: Request[None, None]) -> Reply:
        """Shut a login of an account out."""
        return await self._end(request)

    async def end_vendor_login(self, request: Request[None, None]) -> Reply:
        """Shut a login of a vendor out."""
        return await self._end(request)

    async def _page(self, request: Request[None, PageQuery]) -> Reply:
        query = request.query
        found = await self._lists.list_logins(
            tenant_of_path(request.path).id, read_before(query), query.rows_max
        )
        listed, next_cursor = cut(found, query, lambda last: encode_cursor(ListCursor(before=last.position)))
        streams = await self._look([each.stream for each in listed])
        items = [
            login_resource(login, each.version, self._clock.now())
            for each in streams
            if (login := LOGIN.narrow(each.aggregate)) is not None
        ]
        return Answer(body=page(items, next_cursor))

    async def _look(self, streams: Sequence[StreamId]) -> Sequence[Versioned]:
        loaded = await self._ledger.look(ReadSet(streams=frozenset(streams)), self._clock.now())
        return [loaded.streams[each] for each in streams]

    async def _end(self, request: Request[None, None]) -> Reply:
        tenant, login_id, caller = tenant_of_path(request.path), request.path["login_id"], request.caller
        if not is_login_id(login_id):
            return NOT_FOUND
        # Somebody whose token says by itself what it is for signs in without any login here.
        may_end_last = caller.role is Role.OPERATOR or not caller.is_bound
        stream = login_stream(LoginId(login_id))
        command = EndLogin(
            login_id=LoginId(login_id),
            account_id=tenant.account_id,
            vendor_id=tenant.vendor_id,
            others=() if may_end_last else await self._list_others(tenant, stream),
            may_end_last=may_end_last,
        )
        return await self._commands.respond(request, command, show_subject(LOGIN, login_resource))

    async def _list_others(self, tenant: Tenant, stream: StreamId) -> tuple[StreamId, ...]:
        listed = await self._lists.list_logins(tenant.id, None, _LOGINS_MAX)
        return tuple(each.stream for each in listed if each.stream != stream)


def login_resource(login: Login, version: int, _now: datetime) -> LoginResource:
    """Show a login."""
    bound = login if isinstance(login, BoundLogin) else None
    return LoginResource(
        login_id=login.login_id,
        role=Tenant(login.account_id, login.vendor_id).role,
        account_id=login.account_id,
        vendor_id=login.vendor_id,
        issuer=None if bound is None else bound.issuer,
        subject=None if bound is None else bound.subject,
        bound_at=None if bound is None else bound.bound_at,
        ended_at=None if isinstance(login, BoundLogin) else login.ended_at,
        version=version,
    )
