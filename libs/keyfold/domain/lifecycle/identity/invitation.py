"""An invitation lets one login speak for an account or a vendor: whoever shows its code first, in time."""

import hmac
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from keyfold.domain.ids import AccountId, InvitationId, LoginId, VendorId
from keyfold.domain.lifecycle.identity.login import BindLogin, Login, LoginEvent, speaks_for
from keyfold.domain.lifecycle.identity.login import decide as decide_login
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
    """Invite whoever shows the code to an account or a vendor, of which one is None."""

    invitation_id: InvitationId
    account_id: AccountId | None
    vendor_id: VendorId | None
    digest: bytes
    valid_for: timedelta


class LoginClaims(Struct, frozen=True, kw_only=True, gc=False):
    """What a login's token says by itself: its role, and for what; None where it leaves that open."""

    role: str | None
    account_id: AccountId | None
    vendor_id: VendorId | None


class UseInvitation(Struct, frozen=True, kw_only=True, gc=False):
    """Let a login in by a code of this digest. `issuer` and `subject` are its token's `iss` and `sub`."""

    invitation_id: InvitationId
    digest: bytes
    login_id: LoginId
    issuer: str
    subject: str
    claims: LoginClaims


class WithdrawInvitation(Struct, frozen=True, kw_only=True, gc=False):
    """Let nobody in by the invitation any more.

    It must be to `tenant_id`, for which the caller speaks, unless the caller `may_see_all`.
    """

    invitation_id: InvitationId
    tenant_id: AccountId | VendorId | None
    may_see_all: bool


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
    command: InvitationCommand,
    invitation: Invitation | None,
    now: datetime,
    *,
    is_known: bool = False,
    login: Login | None = None,
) -> tuple[InvitationEvent | LoginEvent, ...] | Refusal:
    """Return the events that the command makes of this invitation, none when nothing would change.

    `is_known` says whether there is the account or vendor to invite to; `login` is the one that uses it.
    """
    match command, invitation:
        case MakeInvitation(), None:
            return _make(command, now) if is_known else _refuse_unknown(command)
        case MakeInvitation(), _:
            return conflict("invitation-exists", "The invitation exists already.")
        case _, None:
            return not_found("invitation")
        case UseInvitation(), _:
            return _use(command, invitation, now, login)
        case WithdrawInvitation(), _:
            return _withdraw(command, invitation, now)
    raise AssertionError(command)


def _refuse_unknown(command: MakeInvitation) -> Refusal:
    return not_found("vendor" if command.account_id is None else "account")


def _make(command: MakeInvitation, now: datetime) -> tuple[InvitationEvent, ...]:
    return (
        InvitationMade(
            invitation_id=command.invitation_id,
            account_id=command.account_id,
            vendor_id=command.vendor_id,
            digest=command.digest,
            made_at=now,
            expires_at=now + command.valid_for,
        ),
    )


_FOR_ANOTHER = conflict(
    "invitation-for-another", "Your token says another role, account or vendor than the invitation is to."
)


def _use(
    command: UseInvitation, invitation: Invitation, now: datetime, login: Login | None
) -> tuple[InvitationEvent | LoginEvent, ...] | Refusal:
    if not invitation.opens(command.digest):
        return not_found("invitation")
    is_bound = speaks_for(login, invitation.account_id, invitation.vendor_id)
    if invitation.used_by == command.login_id and is_bound:
        return ()
    match invitation.state(now):
        case InvitationState.USED:
            return conflict("invitation-used", "The invitation was used already; ask for another.")
        case InvitationState.WITHDRAWN:
            return conflict("invitation-withdrawn", "The invitation was withdrawn; ask for another.")
        case InvitationState.OVER:
            return conflict("invitation-over", "The invitation is over; ask for another.")
        case InvitationState.OPEN:
            return (
                _FOR_ANOTHER
                if _contradicts(command.claims, invitation)
                else _let_in(command, invitation, now, login)
            )


def _contradicts(claims: LoginClaims, invitation: Invitation) -> bool:
    role = "vendor" if invitation.account_id is None else "owner"
    return (
        claims.role not in (None, role)
        or claims.account_id not in (None, invitation.account_id)
        or claims.vendor_id not in (None, invitation.vendor_id)
    )


def _let_in(
    command: UseInvitation, invitation: Invitation, now: datetime, login: Login | None
) -> tuple[InvitationEvent | LoginEvent, ...] | Refusal:
    used = InvitationUsed(
        invitation_id=invitation.invitation_id,
        account_id=invitation.account_id,
        vendor_id=invitation.vendor_id,
        login_id=command.login_id,
        used_at=now,
    )
    bind = BindLogin(
        login_id=command.login_id,
        issuer=command.issuer,
        subject=command.subject,
        account_id=invitation.account_id,
        vendor_id=invitation.vendor_id,
        invitation_id=invitation.invitation_id,
    )
    bound = decide_login(bind, login, now)
    return bound if isinstance(bound, Refusal) else (used, *bound)


def _withdraw(
    command: WithdrawInvitation, invitation: Invitation, now: datetime
) -> tuple[InvitationEvent, ...] | Refusal:
    if not command.may_see_all and command.tenant_id != (invitation.account_id or invitation.vendor_id):
        return not_found("invitation")
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
            withdrawn_at=now,
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
    if invitation is None or not _is_open(invitation) or _ids_of(invitation) != _ids_of(event):
        raise ImpossibleEvent(event, invitation)
    match event:
        case InvitationUsed(login_id=login_id):
            return replace(invitation, used_by=login_id)
        case InvitationWithdrawn():
            return replace(invitation, is_withdrawn=True)
    raise ImpossibleEvent(event, invitation)


def _is_open(invitation: Invitation) -> bool:
    return invitation.used_by is None and not invitation.is_withdrawn


def _ids_of(it: Invitation | InvitationEvent) -> tuple[InvitationId, AccountId | None, VendorId | None]:
    return it.invitation_id, it.account_id, it.vendor_id
