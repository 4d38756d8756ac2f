"""An invitation by its code: what it would make of a login, and the login that it binds."""

from typing import Final

from keyfold.domain.ids import AccountId, StreamId, VendorId, invitation_stream
from keyfold.domain.lifecycle.aggregates import ACCOUNT, INVITATION, LOGIN, VENDOR
from keyfold.domain.lifecycle.fold import Aggregate
from keyfold.domain.lifecycle.identity.invitation import LoginClaims, UseInvitation
from keyfold.domain.refusal import conflict
from keyfold.registry.commands.http import CommandsOverHttp, show_subject
from keyfold.registry.commands.problems import problem_of
from keyfold.registry.identity.bodies import Code, LoginResource, Welcome
from keyfold.registry.identity.invitations import INVITATIONS
from keyfold.registry.identity.logins import login_resource
from keyfold.registry.identity.tenants import Tenant
from keyfold.runtime.auth.caller import Claimed
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import NOT_FOUND, Answer, AnyLogin, AnyRoute, Reply, Request, Route
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.read_set import ReadSet
from keyfold.wire.keys.invitation_code import login_id_of, read_code

_NEEDS_NONE: Final = conflict(
    "login-needs-none",
    "Your token says by itself who you are here; a login without that opens an invitation.",
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
        invitation = INVITATION.narrow(found)
        if invitation is None or not invitation.opens(code.digest):
            return NOT_FOUND
        tenant = Tenant(invitation.account_id, invitation.vendor_id)
        return Answer(
            body=Welcome(
                role=tenant.role,
                account_id=tenant.account_id,
                vendor_id=tenant.vendor_id,
                name=_name_of(await self._look(tenant.stream)),
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
        if code is None:
            return NOT_FOUND
        if caller.claimed is None:
            return problem_of(_NEEDS_NONE)
        command = UseInvitation(
            invitation_id=code.invitation_id,
            digest=code.digest,
            login_id=login_id_of(caller.issuer, caller.sub),
            issuer=caller.issuer,
            subject=caller.sub,
            claims=_claims_of(caller.claimed),
        )
        return await self._commands.respond(request, command, show_subject(LOGIN, login_resource))


def _claims_of(claimed: Claimed) -> LoginClaims:
    account_id, vendor_id = claimed.account_id, claimed.vendor_id
    return LoginClaims(
        role=claimed.role,
        account_id=None if account_id is None else AccountId(account_id),
        vendor_id=None if vendor_id is None else VendorId(vendor_id),
    )


def _name_of(aggregate: Aggregate | None) -> str:
    account, vendor = ACCOUNT.narrow(aggregate), VENDOR.narrow(aggregate)
    if account is not None:
        return account.name
    if vendor is not None:
        return vendor.application.name
    raise LookupError("an invitation is to an account or a vendor that there is")
