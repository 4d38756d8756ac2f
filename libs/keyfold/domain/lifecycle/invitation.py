"""An invitation lets one login speak for an account or a vendor: whoever shows its code first, in time."""

import hmac
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from keyfold.domain.ids import AccountId, InvitationId, LoginId, VendorId
from keyfold.domain.refusal import ImpossibleEvent, Refusal, conflict, not_found


class InvitationState(StrEnum):
    """Where an invitation stands at an instant: `over` begins by itself, without any event."""

    OPEN = "open"
    USED = "used"
    WITHDRAWN = "withdrawn"
    OVER = "over"


class Invitation(Struct, frozen=True, kw_only=True, gc=False):
    """An invitation as it is now; one of the two ids is set, and says what it is to.

    `digest` is the SHA-256 of its code (32 bytes). `used_by` is the login that it has bound.
    """

    invitation_id: InvitationId
    account_id: AccountId | None
    vendor_id: VendorId | None
    digest: bytes
    made_at: datetime
    expires_at: datetime
    used_by: LoginId | None = None
    is_withdrawn: bool = False

    def state(self, now: datetime) -> InvitationState:
        """Return where it stands."""
        if self.used_by is not None:
            return InvitationState.USED
        if self.is_withdrawn:
            return InvitationState.WITHDRAWN
        return InvitationState.OPEN if now < self.expires_at else InvitationState.OVER

    def opens(self, digest: bytes) -> bool:
        """Tell whether a code of this digest is its own, in a time that says nothing of how nearly."""
        return hmac.compare_digest(self.digest, digest)


class MakeInvitation(Struct, frozen=True, kw_only=True, gc=False):
    """Invite whoever shows the code. `is_known` says whether there is such an account or vendor."""

    invitation_id: InvitationId
    account_id: AccountId | None
    vendor_id: VendorId | None
    is_known: bool
    digest: bytes
    made_at: datetime
    expires_at: datetime


class UseInvitation(Struct, frozen=True, kw_only=True, gc=False):
    """Let a login in by a code of this digest. `is_bound` says whether that login is what the invitation
    made of it still.
    """

    digest: bytes
    login_id: LoginId
    is_bound: bool
    used_at: datetime


class WithdrawInvitation(Struct, frozen=True, kw_only=True, gc=False):
    """Let nobody in by the invitation any more."""

    withdrawn_at: datetime


InvitationCommand = MakeInvitation | UseInvitation | WithdrawInvitation


class InvitationMade(Struct, frozen=True, kw_only=True, gc=False):
    """Somebody was invited to speak for an account, as its owner, or for a vendor."""

    invitation_id: InvitationId
    account_id: AccountId | None
    vendor_id: VendorId | None
    digest: bytes
    made_at: datetime
    expires_at: datetime


class InvitationUsed(Struct, frozen=True, kw_only=True, gc=False):
    """The invitation has bound a login, and binds no other."""

    invitation_id: InvitationId
    account_id: AccountId | None
    vendor_id: VendorId | None
    login_id: LoginId
    used_at: datetime


class InvitationWithdrawn(Struct, frozen=True, kw_only=True, gc=False):
    """The invitation lets nobody in any more."""

    invitation_id: InvitationId
    account_id: AccountId | None
    vendor_id: VendorId | None
    withdrawn_at: datetime


InvitationEvent = InvitationMade | InvitationUsed | InvitationWithdrawn


def decide(
    command: InvitationCommand, invitation: Invitation | None
) -> tuple[InvitationEvent, ...] | Refusal:
    """Return the events that the command makes of this invitation, none when nothing would change."""
    match command, invitation:
        case MakeInvitation(), None:
            return _make(command)
        case MakeInvitation(), _:
            return conflict("invitation-exists", "The invitation exists already.")
        case _, None:
            return not_found("invitation")
        case UseInvitation(), _:
            return _use(command, invitation)
        case WithdrawInvitation(), _:
            return _withdraw(command, invitation)
    raise AssertionError(command)


def _make(command: MakeInvitation) -> tuple[InvitationEvent, ...] | Refusal:
    if not command.is_known:
        return not_found("vendor" if command.account_id is None else "account")
    return (
        InvitationMade(
            invitation_id=command.invitation_id,
            account_id=command.account_id,
            vendor_id=command.vendor_id,
            digest=command.digest,
            made_at=command.made_at,
            expires_at=command.expires_at,
        ),
    )


def _use(command: UseInvitation, invitation: Invitation) -> tuple[InvitationEvent, ...] | Refusal:
    if not invitation.opens(command.digest):
        return not_found("invitation")
    if invitation.used_by == command.login_id and command.is_bound:
        return ()
    match invitation.state(command.used_at):
        case InvitationState.USED:
            return conflict("invitation-used", "The invitation was used already; ask for another.")
        case InvitationState.WITHDRAWN:
            return conflict("invitation-withdrawn", "The invitation was withdrawn; ask for another.")
        case InvitationState.OVER:
            return conflict("invitation-over", "The invitation is over; ask for another.")
        case InvitationState.OPEN:
            used = InvitationUsed(
                invitation_id=invitation.invitation_id,
                account_id=invitation.account_id,
                vendor_id=invitation.vendor_id,
                login_id=command.login_id,
                used_at=command.used_at,
            )
            return (used,)


def _withdraw(command: WithdrawInvitation, invitation: Invitation) -> tuple[InvitationEvent, ...] | Refusal:
    if invitation.used_by is not None:
        return conflict(
            "invitation-used", "The invitation was used already; end the login that it has bound."
        )
    if invitation.is_withdrawn:
        return ()
    return (
        InvitationWithdrawn(
            invitation_id=invitation.invitation_id,
            account_id=invitation.account_id,
            vendor_id=invitation.vendor_id,
            withdrawn_at=command.withdrawn_at,
        ),
    )


def evolve(invitation: Invitation | None, event: InvitationEvent) -> Invitation:
    """Return the invitation after the event. Raises ImpossibleEvent for one that cannot follow."""
    if isinstance(event, InvitationMade) and invitation is None:
        return Invitation(
            invitation_id=event.invitation_id,
            account_id=event.account_id,
            vendor_id=event.vendor_id,
            digest=event.digest,
            made_at=event.made_at,
            expires_at=event.expires_at,
        )
    if invitation is None or not _is_open(invitation) or _whose(invitation) != _whose(event):
        raise ImpossibleEvent(event, invitation)
    match event:
        case InvitationUsed(login_id=login_id):
            return replace(invitation, used_by=login_id)
        case InvitationWithdrawn():
            return replace(invitation, is_withdrawn=True)
    raise ImpossibleEvent(event, invitation)


def _is_open(invitation: Invitation) -> bool:
    return invitation.used_by is None and not invitation.is_withdrawn


def _whose(of: Invitation | InvitationEvent) -> tuple[InvitationId, AccountId | None, VendorId | None]:
    return of.invitation_id, of.account_id, of.vendor_id
