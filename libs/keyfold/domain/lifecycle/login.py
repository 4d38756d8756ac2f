"""A login is somebody's sign-in at the identity provider: what it is bound to here, or is no more."""

from datetime import datetime

from msgspec import Struct

from keyfold.domain.ids import AccountId, InvitationId, LoginId, VendorId
from keyfold.domain.refusal import ImpossibleEvent, Refusal, conflict, not_found


class BoundLogin(Struct, frozen=True, kw_only=True, gc=False):
    """A login that speaks for an account, as its owner, or for a vendor: one of the two ids is set.

    `issuer` and `subject` are the token's `iss` and `sub`; `login_id` stands for both.
    """

    login_id: LoginId
    issuer: str
    subject: str
    account_id: AccountId | None
    vendor_id: VendorId | None
    bound_at: datetime


class EndedLogin(Struct, frozen=True, kw_only=True, gc=False):
    """A login that was bound, by these ids for the last time, and speaks for nobody now."""

    login_id: LoginId
    account_id: AccountId | None
    vendor_id: VendorId | None
    ended_at: datetime


Login = BoundLogin | EndedLogin


class BindLogin(Struct, frozen=True, kw_only=True, gc=False):
    """Let a login speak for an account or a vendor; `invitation_id` says by whose leave, if by one."""

    login_id: LoginId
    issuer: str
    subject: str
    account_id: AccountId | None
    vendor_id: VendorId | None
    invitation_id: InvitationId | None
    bound_at: datetime


class EndLogin(Struct, frozen=True, kw_only=True, gc=False):
    """Let a login of this account or vendor speak for it no more.

    `leaves_somebody` says whether anybody else could still sign in for it; without, nobody may end the last
    login but who `may_lock_out`.
    """

    account_id: AccountId | None
    vendor_id: VendorId | None
    leaves_somebody: bool
    may_lock_out: bool
    ended_at: datetime


class LoginBound(Struct, frozen=True, kw_only=True, gc=False):
    """A login speaks for an account, as its owner, or for a vendor from now on."""

    login_id: LoginId
    issuer: str
    subject: str
    account_id: AccountId | None
    vendor_id: VendorId | None
    invitation_id: InvitationId | None
    bound_at: datetime


class LoginEnded(Struct, frozen=True, kw_only=True, gc=False):
    """The login speaks for the account or the vendor no more."""

    login_id: LoginId
    account_id: AccountId | None
    vendor_id: VendorId | None
    ended_at: datetime


LoginEvent = LoginBound | LoginEnded


def decide(command: BindLogin | EndLogin, login: Login | None) -> tuple[LoginEvent, ...] | Refusal:
    """Return the events that the command makes of this login, none when nothing would change."""
    match command:
        case BindLogin():
            return _bind(command, login)
        case EndLogin():
            return _end(command, login)


def _bind(command: BindLogin, login: Login | None) -> tuple[LoginEvent, ...] | Refusal:
    if isinstance(login, BoundLogin):
        return conflict(
            "login-bound", "This login speaks for an account or a vendor already; that has to be ended first."
        )
    return (
        LoginBound(
            login_id=command.login_id,
            issuer=command.issuer,
            subject=command.subject,
            account_id=command.account_id,
            vendor_id=command.vendor_id,
            invitation_id=command.invitation_id,
            bound_at=command.bound_at,
        ),
    )


def _end(command: EndLogin, login: Login | None) -> tuple[LoginEvent, ...] | Refusal:
    tenant = (command.account_id, command.vendor_id)
    if login is None or (login.account_id, login.vendor_id) != tenant:
        return not_found("login")
    if isinstance(login, EndedLogin):
        return ()
    if not (command.leaves_somebody or command.may_lock_out):
        return conflict(
            "last-login", "Nobody could sign in any more: invite another login first, or ask an operator."
        )
    return (
        LoginEnded(
            login_id=login.login_id,
            account_id=login.account_id,
            vendor_id=login.vendor_id,
            ended_at=command.ended_at,
        ),
    )


def evolve(login: Login | None, event: LoginEvent) -> Login:
    """Return the login after the event. Raises ImpossibleEvent for one that cannot follow."""
    if login is not None and login.login_id != event.login_id:
        raise ImpossibleEvent(event, login)
    match event, login:
        case LoginBound(), EndedLogin() | None:
            return BoundLogin(
                login_id=event.login_id,
                issuer=event.issuer,
                subject=event.subject,
                account_id=event.account_id,
                vendor_id=event.vendor_id,
                bound_at=event.bound_at,
            )
        case LoginEnded(), BoundLogin() if _tenant(event) == _tenant(login):
            return EndedLogin(
                login_id=event.login_id,
                account_id=event.account_id,
                vendor_id=event.vendor_id,
                ended_at=event.ended_at,
            )
    raise ImpossibleEvent(event, login)


def _tenant(of: LoginEnded | BoundLogin) -> tuple[AccountId | None, VendorId | None]:
    return of.account_id, of.vendor_id
