"""Invitations over HTTP: made, listed and withdrawn by whoever may invite."""

from datetime import datetime, timedelta
from typing import Final

from keyfold.domain.ids import InvitationId
from keyfold.domain.lifecycle.aggregates import INVITATION
from keyfold.domain.lifecycle.identity.invitation import Invitation, MakeInvitation, WithdrawInvitation
from keyfold.registry.commands.http import CommandsOverHttp, show_subject
from keyfold.registry.commands.new_ids import mint_invitation
from keyfold.registry.identity.bodies import (
    InvitationPage,
    InvitationQuery,
    InvitationResource,
    InvitationWithCode,
    NewInvitation,
)
from keyfold.registry.identity.tenants import Tenant, own_tenant
from keyfold.registry.reads import ListCursor, read_before
from keyfold.runtime.auth.caller import Caller, Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import (
    NOT_FOUND,
    Answer,
    AnyRoute,
    Reply,
    Request,
    Roles,
    Route,
    cut,
    encode_cursor,
    page,
)
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.logins import SignInLists
from keyfold.store.ledger.read_set import ReadSet
from keyfold.wire.keys.invitation_code import is_invitation_id

INVITATIONS: Final = "/v1/invitations"
# Beside `/look` and `/accept`, which are no invitations.
_ONE: Final = INVITATIONS + "/{invitation_id:(?!(?:look|accept)$)[^/]+}"
_INVITERS: Final = Roles(frozenset({Role.OPERATOR, Role.OWNER, Role.VENDOR}))


class InvitationRoutes:
    """The calls by which an operator invites to anything, an owner to its account, a vendor to itself."""

    def __init__(self, commands: CommandsOverHttp, ledger: Ledger, lists: SignInLists, clock: Clock) -> None:
        self._commands = commands
        self._ledger = ledger
        self._lists = lists
        self._clock = clock

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="POST",
                path=INVITATIONS,
                handler=self.invite,
                rule=_INVITERS,
                summary="Invite another owner of an account, or login of a vendor; the code is in this answer"
                " and nowhere else.",
                body=NewInvitation,
                answer=InvitationWithCode,
                status=201,
                refusals=(404, 409, 412),
            ),
            Route(
                method="GET",
                path=INVITATIONS,
                handler=self.list_invitations,
                rule=_INVITERS,
                summary="Invitations, newest first: all to an operator, to others those to what is theirs.",
                query=InvitationQuery,
                answer=InvitationPage,
                refusals=(404,),
            ),
            Route(
                method="DELETE",
                path=_ONE,
                handler=self.withdraw_invitation,
                rule=_INVITERS,
                summary="Withdraw an invitation that was not used; again changes nothing.",
                answer=InvitationResource,
                refusals=(409, 412),
            ),
        ]

    async def invite(self, request: Request[NewInvitation, None]) -> Reply:
        """Make an invitation; its code is in this answer and nowhere else."""
        body, caller = request.body, request.caller
        tenant = Tenant.of(body.account_id, body.vendor_id)
        if tenant is None or not _may_see(caller, tenant):
            return NOT_FOUND
        minted = mint_invitation(self._clock)
        command = MakeInvitation(
            invitation_id=minted.invitation_id,
            account_id=tenant.account_id,
            vendor_id=tenant.vendor_id,
            digest=minted.digest,
            valid_for=timedelta(seconds=body.expires_in_s),
        )

        def to_body(invitation: Invitation, version: int, now: datetime) -> InvitationWithCode:
            resource = invitation_resource(invitation, version, now)
            return InvitationWithCode(invitation=resource, code=minted.code)

        show = show_subject(INVITATION, to_body, location=f"{INVITATIONS}/{minted.invitation_id}")
        return await self._commands.respond(request, command, show)

    async def list_invitations(self, request: Request[None, InvitationQuery]) -> Reply:
        """Show a page of the invitations that the caller may see."""
        query, caller = request.query, request.caller
        asked = Tenant.of(query.account_id, query.vendor_id)
        if asked is not None and not _may_see(caller, asked):
            return NOT_FOUND
        own, is_of_both = own_tenant(caller), query.account_id and query.vendor_id
        # No invitation is to both, and to a vendor that has not applied there is none.
        if is_of_both or (own is None and caller.role is not Role.OPERATOR):
            return Answer(body=page([], None))
        return await self._page(query, asked or own)

    async def _page(self, query: InvitationQuery, tenant: Tenant | None) -> Reply:
        tenant_id = None if tenant is None else tenant.id
        found = await self._lists.list_invitations(tenant_id, read_before(query), query.rows_max)
        listed, next_cursor = cut(found, query, lambda last: encode_cursor(ListCursor(before=last.position)))
        now = self._clock.now()
        loaded = await self._ledger.look(ReadSet(streams=frozenset(each.stream for each in listed)), now)
        invitations = [loaded.streams[each.stream] for each in listed]
        items = [
            invitation_resource(invitation, each.version, now)
            for each in invitations
            if (invitation := INVITATION.narrow(each.aggregate)) is not None
        ]
        return Answer(body=page(items, next_cursor))

    async def withdraw_invitation(self, request: Request[None, None]) -> Reply:
        """Let nobody in by an invitation any more."""
        invitation_id, caller = request.path["invitation_id"], request.caller
        if not is_invitation_id(invitation_id):
            return NOT_FOUND
        own = own_tenant(caller)
        command = WithdrawInvitation(
            invitation_id=InvitationId(invitation_id),
            tenant_id=None if own is None else own.id,
            may_see_all=caller.role is Role.OPERATOR,
        )
        return await self._commands.respond(request, command, show_subject(INVITATION, invitation_resource))


def _may_see(caller: Caller, tenant: Tenant) -> bool:
    return caller.role is Role.OPERATOR or own_tenant(caller) == tenant


def invitation_resource(invitation: Invitation, version: int, now: datetime) -> InvitationResource:
    """Show an invitation as it is at this instant: it ends by itself, without any event."""
    tenant = Tenant(invitation.account_id, invitation.vendor_id)
    return InvitationResource(
        invitation_id=invitation.invitation_id,
        role=tenant.role,
        account_id=tenant.account_id,
        vendor_id=tenant.vendor_id,
        state=invitation.state(now),
        made_at=invitation.made_at,
        expires_at=invitation.expires_at,
        used_by=invitation.used_by,
        version=version,
    )
