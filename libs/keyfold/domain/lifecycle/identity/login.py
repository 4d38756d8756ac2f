"""A login is somebody's sign-in at the identity provider: what it is bound to here, or is no more."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from keyfold.domain.ids import AccountId, InvitationId, LoginId, StreamId, VendorId
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


class EndLogin(Struct, frozen=True, kw_only=True, gc=False):
    """Let a login of this account or vendor speak for it no more.

    `others` are the streams of the logins that may speak for it too. Where none of them does, nobody could
    sign in any more, so only somebody who `may_end_last` ends this one.
    """

    login_id: LoginId
    account_id: AccountId | None
    vendor_id: VendorId | None
    others: tuple[StreamId, ...]
    may_end_last: bool


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


def decide(
    command: BindLogin | EndLogin,
    login: Login | None,
    now: datetime,
    *,
    others: Iterable[Login | None] = (),
) -> tuple[LoginEvent, ...] | Refusal:
    """Return the events that the command makes of this login, none when nothing would change."""
    match command:
        case BindLogin():
            return _bind(command, login, now)
        case EndLogin():
            return _end(command, login, now, others)


def speaks_for(login: Login | None, account_id: AccountId | None, vendor_id: VendorId | None) -> bool:
    """Tell whether a login is bound to this account or vendor, of which one is None."""
    return isinstance(login, BoundLogin) and _tenant_of(login) == (account_id, vendor_id)


def _bind(command: BindLogin, login: Login | None, now: datetime) -> tuple[LoginEvent, ...] | Refusal:
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
            bound_at=now,
        ),
    )


def _end(
    command: EndLogin, login: Login | None, now: datetime, others: Iterable[Login | None]
) -> tuple[LoginEvent, ...] | Refusal:
    tenant = (command.account_id, command.vendor_id)
    if login is None or _tenant_of(login) != tenant:
        return not_found("login")
    if isinstance(login, EndedLogin):
        return ()
    if not command.may_end_last and not any(speaks_for(each, *tenant) for each in others):
        return conflict(
            "last-login", "Nobody could sign in any more: invite another login first, or ask an operator."
        )
    return (
        LoginEnded(
            login_id=login.login_id,
            account_id=login.account_id,
            vendor_id=login.vendor_id,
            ended_at=now,
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
        case LoginEnded(), BoundLogin() if _tenant_of(event) == _tenant_of(login):
            return EndedLogin(
                login_id=event.login_id,
                account_id=event.account_id,
                vendor_id=event.vendor_id,
                ended_at=event.ended_at,
            )
    raise ImpossibleEvent(event, login)


def _tenant_of(login: Login | LoginEnded) -> tuple[AccountId | None, VendorId | None]:
    return login.account_id, login.vendor_id
