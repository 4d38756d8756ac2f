"""An account: what each command makes of it, and what each event does to it."""

import pytest

from keyfold.domain.ids import AccountId
from keyfold.domain.lifecycle.account import (
    Account,
    AccountCreated,
    AccountEvent,
    CreateAccount,
    IntegrationsDisabled,
    IntegrationsEnabled,
    SetIntegrations,
    decide,
    evolve,
)
from keyfold.domain.refusal import ImpossibleEvent, RefusalKind
from tests.support.domain.given import FOREIGN, NOT_FOUND, OPEN, SHUT, code_of

CREATE = CreateAccount(account_id=SHUT.account_id, name=SHUT.name)
CREATED = AccountCreated(account_id=SHUT.account_id, name=SHUT.name)
ENABLED = IntegrationsEnabled(account_id=SHUT.account_id)
DISABLED = IntegrationsDisabled(account_id=SHUT.account_id)


def test_an_account_is_created_once() -> None:
    """Creating an account gives one event, and creating it again is a conflict."""
    assert decide(CREATE, None) == (CREATED,)
    for account in (SHUT, OPEN):
        assert code_of(decide(CREATE, account)) == (RefusalKind.CONFLICT, "account-exists")


@pytest.mark.parametrize(
    ("account", "enabled", "events"),
    [(SHUT, True, (ENABLED,)), (SHUT, False, ()), (OPEN, True, ()), (OPEN, False, (DISABLED,))],
)
def test_the_switch_gives_an_event_only_when_it_moves(
    account: Account, enabled: bool, events: tuple[AccountEvent, ...]
) -> None:
    """Turning integrations on or off is recorded once, and to where they are already not at all."""
    assert decide(SetIntegrations(account_id=SHUT.account_id, enabled=enabled), account) == events


@pytest.mark.parametrize("enabled", [True, False])
def test_the_switch_of_no_account_is_not_found(enabled: bool) -> None:
    """An account that does not exist has no switch."""
    assert code_of(decide(SetIntegrations(account_id=SHUT.account_id, enabled=enabled), None)) == NOT_FOUND


def test_integrations_are_off_until_turned_on() -> None:
    """A new account lets nobody in; its events move the switch and nothing else."""
    assert evolve(None, CREATED) == SHUT
    assert evolve(SHUT, ENABLED) == OPEN
    assert evolve(OPEN, DISABLED) == SHUT


@pytest.mark.parametrize(
    ("account", "event"),
    [
        (SHUT, CREATED),
        (OPEN, CREATED),
        (None, ENABLED),
        (None, DISABLED),
        (FOREIGN, DISABLED),
        (SHUT, IntegrationsEnabled(account_id=AccountId("acc_2"))),
    ],
)
def test_what_cannot_follow_is_a_broken_history(account: Account | None, event: AccountEvent) -> None:
    """An event without its account, a second creation and another account's event raise."""
    with pytest.raises(ImpossibleEvent, match=type(event).__name__):
        evolve(account, event)
