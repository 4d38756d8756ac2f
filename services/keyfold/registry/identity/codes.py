"""An invitation by its code: what it would make of a login, and the login that it binds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from keyfold.domain.ids import StreamId, invitation_stream, login_stream
from keyfold.domain.lifecycle import invitation as invitation_domain
from keyfold.domain.lifecycle import login as login_domain
from keyfold.domain.lifecycle.fold import Aggregate, LifecycleEvent
from keyfold.domain.lifecycle.invitation import Invitation, UseInvitation
from keyfold.domain.lifecycle.login import BindLogin, BoundLogin
from keyfold.domain.refusal import Refusal, conflict
from keyfold.registry.commands.execution import Command
from keyfold.registry.commands.http import CommandsOverHttp, shown
from keyfold.registry.commands.kinds import ACCOUNT, INVITATION, LOGIN, VENDOR, held
from keyfold.registry.commands.problems import problem_of
from keyfold.registry.identity.bodies import Code, LoginResource, Welcome
from keyfold.registry.identity.invitations import INVITATIONS
from keyfold.registry.identity.logins import login_resource
from keyfold.registry.identity.tenants import Tenant
from keyfold.runtime.auth.caller import Binding
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import NOT_FOUND, Answer, AnyLogin, AnyRoute, Reply, Request, Route
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.read_set import ReadSet, ReadSetValues
from keyfold.wire.keys.invitation_code import login_id_of, read_code

_NEEDS_NONE: Final = conflict(
    "login-needs-none",
    "Your token says by itself who you are here; a login without that opens an invitation.",
)
_FOR_ANOTHER: Final = conflict(
    "invitation-for-another", "Your token says another role, account or vendor than the invitation is to."
)


class Codes:
    """The calls of whoever has a code."""

    def __init__(self, commands: CommandsOverHttp, ledger: Ledger, clock: Clock) -> None:
        self._commands = commands
        self._ledger = ledger
        self._clock = clock

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="POST",
                path=INVITATIONS + "/look",
                handler=self.look_at_invitation,
                rule=AnyLogin(),
                summary="What the invitation of this code makes of a login that accepts it; changes nothing.",
                body=Code,
                answer=Welcome,
                refusals=(404,),
                only_asks=True,
            ),
            Route(
                method="POST",
                path=INVITATIONS + "/accept",
                handler=self.accept_invitation,
                rule=AnyLogin(),
                summary="Bind the login of this token to what the invitation of this code is to, once.",
                body=Code,
                answer=LoginResource,
                refusals=(404, 409, 412),
            ),
        ]

    async def look_at_invitation(self, request: Request[Code, None]) -> Reply:
        """Show what an invitation would do, to whoever has its code."""
        code = read_code(request.body.code)
        if code is None:
            return NOT_FOUND
        found = await self._look(invitation_stream(code.invitation_id))
        invitation = held(found, INVITATION)
        if invitation is None or not invitation.opens(code.digest):
            return NOT_FOUND
        tenant = Tenant(invitation.account_id, invitation.vendor_id)
        return Answer(
            body=Welcome(
                role=tenant.role,
                account_id=tenant.account_id,
                vendor_id=tenant.vendor_id,
                name=_name(await self._look(tenant.stream)),
                state=invitation.state(self._clock.now()),
                expires_at=invitation.expires_at,
            )
        )

    async def _look(self, stream: StreamId) -> Aggregate | None:
        loaded = await self._ledger.look(ReadSet(streams=frozenset((stream,))), self._clock.now())
        return loaded.streams[stream].aggregate

    async def accept_invitation(self, request: Request[Code, None]) -> Reply:
        """Bind the caller's login; the same login again gets the same answer."""
        code, caller = read_code(request.body.code), request.caller
        said = caller.claimed
        if code is None:
            return NOT_FOUND
        if said is None:
            return problem_of(_NEEDS_NONE)
        stream = invitation_stream(code.invitation_id)
        login_id = login_id_of(caller.issuer, caller.sub)
        login_at = login_stream(login_id)

        def decided(loaded: ReadSetValues, now: datetime) -> Sequence[LifecycleEvent] | Refusal:
            invitation = held(loaded.streams[stream].aggregate, INVITATION)
            login = held(loaded.streams[login_at].aggregate, LOGIN)
            is_bound = isinstance(login, BoundLogin) and _tenant(login) == _tenant(invitation)
            use = UseInvitation(digest=code.digest, login_id=login_id, is_bound=is_bound, used_at=now)
            used = invitation_domain.decide(use, invitation)
            if isinstance(used, Refusal) or not used or invitation is None:
                return used
            if said.contradicts(Binding(account_id=invitation.account_id, vendor_id=invitation.vendor_id)):
                return _FOR_ANOTHER
            bind = BindLogin(
                login_id=login_id,
                issuer=caller.issuer,
                subject=caller.sub,
                account_id=invitation.account_id,
                vendor_id=invitation.vendor_id,
                invitation_id=invitation.invitation_id,
                bound_at=now,
            )
            bound = login_domain.decide(bind, login)
            return bound if isinstance(bound, Refusal) else (*used, *bound)

        show = shown(login_at, LOGIN, login_resource)
        command = Command(subject=login_at, others=(stream,), decide=decided, show=show)
        return await self._commands.respond(request, command)


def _tenant(of: BoundLogin | Invitation | None) -> Tenant | None:
    return None if of is None else Tenant(of.account_id, of.vendor_id)


def _name(aggregate: Aggregate | None) -> str:
    account, vendor = held(aggregate, ACCOUNT), held(aggregate, VENDOR)
    if account is not None:
        return account.name
    if vendor is not None:
        return vendor.application.name
    raise LookupError("an invitation is to an account or a vendor that there is")
