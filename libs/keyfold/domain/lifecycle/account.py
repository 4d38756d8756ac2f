"""An account is a practice with one switch: may anybody's software into its data at all?"""

from msgspec import Struct
from msgspec.structs import replace

from keyfold.domain.ids import AccountId
from keyfold.domain.refusal import ImpossibleEvent, Refusal, conflict, not_found


class Account(Struct, frozen=True, kw_only=True, gc=False):
    """A practice as it is now. `integrations_enabled` is off until its owner turns it on."""

    account_id: AccountId
    name: str
    integrations_enabled: bool


class CreateAccount(Struct, frozen=True, kw_only=True, gc=False):
    """Open an account for a practice."""

    account_id: AccountId
    name: str


class SetIntegrations(Struct, frozen=True, kw_only=True, gc=False):
    """Turn API integrations on or off; off stops every key of the account and loses none."""

    account_id: AccountId
    enabled: bool


AccountCommand = CreateAccount | SetIntegrations


class AccountCreated(Struct, frozen=True, kw_only=True, gc=False):
    """An account was opened, with integrations off."""

    account_id: AccountId
    name: str


class IntegrationsEnabled(Struct, frozen=True, kw_only=True, gc=False):
    """The owner let API integrations in."""

    account_id: AccountId


class IntegrationsDisabled(Struct, frozen=True, kw_only=True, gc=False):
    """The owner shut API integrations out; every key of the account stops."""

    account_id: AccountId


AccountEvent = AccountCreated | IntegrationsEnabled | IntegrationsDisabled


def decide(command: AccountCommand, account: Account | None) -> tuple[AccountEvent, ...] | Refusal:
    """Return the events that the command makes of this account, none when nothing would change."""
    match command, account:
        case CreateAccount(account_id=account_id, name=name), None:
            return (AccountCreated(account_id=account_id, name=name),)
        case CreateAccount(), Account():
            return conflict("account-exists", "The account exists already.")
        case SetIntegrations(), None:
            return not_found("account")
        case SetIntegrations(enabled=enabled), Account(integrations_enabled=now) if enabled == now:
            return ()
        case SetIntegrations(enabled=True), Account(account_id=account_id):
            return (IntegrationsEnabled(account_id=account_id),)
        case SetIntegrations(), Account(account_id=account_id):
            return (IntegrationsDisabled(account_id=account_id),)
    raise AssertionError(command)


def evolve(account: Account | None, event: AccountEvent) -> Account:
    """Return the account after the event. Raises ImpossibleEvent for one that cannot follow."""
    if account is not None and account.account_id != event.account_id:
        raise ImpossibleEvent(event, account)
    match event, account:
        case AccountCreated(account_id=account_id, name=name), None:
            return Account(account_id=account_id, name=name, integrations_enabled=False)
        case IntegrationsEnabled(), Account():
            return replace(account, integrations_enabled=True)
        case IntegrationsDisabled(), Account():
            return replace(account, integrations_enabled=False)
    raise ImpossibleEvent(event, account)
