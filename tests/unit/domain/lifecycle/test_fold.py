"""One fold for every stream: events find their stream and their aggregate, and never another's."""

from itertools import product

import pytest

from keyfold.domain.lifecycle.account import IntegrationsEnabled
from keyfold.domain.lifecycle.fold import Actor, Aggregate, LifecycleEvent, evolve, stream_of
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey, SubscriberKeyRenamed
from keyfold.domain.lifecycle.vendor import VendorSuspended
from keyfold.domain.lifecycle.vendor_key import VendorKey, VendorKeyRevoked
from keyfold.domain.refusal import ImpossibleEvent
from tests.support.domain.checkpoints import CHECKPOINT, CHECKPOINTED
from tests.support.domain.given import (
    APPROVED,
    BOUND,
    ENDED,
    INVITED,
    KEY,
    LATER,
    OPEN,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    SHUT,
    SUSPENDED,
    VENDOR_KEY,
    WITHDRAWN,
)

PAIRS: tuple[tuple[LifecycleEvent, Aggregate, str], ...] = (
    (IntegrationsEnabled(account_id=SHUT.account_id), SHUT, "account-acc_1"),
    (VendorSuspended(vendor_id=APPROVED.vendor_id, reason="breach"), APPROVED, "vendor-ven_1"),
    (
        VendorKeyRevoked(key_id=VENDOR_KEY.key_id, vendor_id=APPROVED.vendor_id, revoked_at=LATER),
        VENDOR_KEY,
        "key-key_v",
    ),
    (
        SubscriberKeyRenamed(key_id=KEY.key_id, account_id=KEY.account_id, name="Other"),
        KEY,
        "key-key_s",
    ),
)
SIGNING_IN: tuple[tuple[LifecycleEvent, Aggregate, str], ...] = (
    (ENDED, BOUND, f"login-{BOUND.login_id}"),
    (WITHDRAWN, INVITED, f"invitation-{INVITED.invitation_id}"),
)
ALL_PAIRS = (*PAIRS, *SIGNING_IN, (CHECKPOINTED, CHECKPOINT, "ledger"))


@pytest.mark.parametrize(("event", "_before", "stream"), ALL_PAIRS)
def test_an_event_names_its_stream(event: LifecycleEvent, _before: Aggregate, stream: str) -> None:
    """The stream is that of the account, vendor or key that the event is about, or the ledger's own."""
    assert stream_of(event) == stream


@pytest.mark.parametrize(("pair", "other"), list(product(ALL_PAIRS, ALL_PAIRS)))
def test_an_event_changes_an_aggregate_of_its_kind_alone(
    pair: tuple[LifecycleEvent, Aggregate, str], other: tuple[LifecycleEvent, Aggregate, str]
) -> None:
    """An event that meets another kind of aggregate raises."""
    event, aggregate = pair[0], other[1]
    if pair is other:
        assert evolve(aggregate, event) != aggregate
    else:
        with pytest.raises(ImpossibleEvent):
            evolve(aggregate, event)


def test_a_state_holds_each_aggregate_by_its_id_and_folds_into_it() -> None:
    """What a snapshot puts in, an event finds and replaces."""
    state = State()
    for _, before, _ in PAIRS:
        state.put(before)
    after = [state.fold(event) for event, _, _ in PAIRS]
    assert after[:3] == [OPEN, SUSPENDED, REVOKED_VENDOR_KEY]
    assert state.accounts == {OPEN.account_id: OPEN}
    assert state.vendors == {SUSPENDED.vendor_id: SUSPENDED}
    assert list(state.keys.values()) == after[2:]


def test_an_id_of_the_other_kind_of_key_finds_none() -> None:
    """A vendor key is no subscriber key and the other way round, active or revoked."""
    vendor_keys: tuple[VendorKey, ...] = (VENDOR_KEY, REVOKED_VENDOR_KEY)
    subscriber_keys: tuple[SubscriberKey, ...] = (KEY, REVOKED_KEY)
    state = State()
    for vendor_key in vendor_keys:
        state.put(vendor_key)
        assert state.vendor_key(vendor_key.key_id) is vendor_key
        assert state.subscriber_key(vendor_key.key_id) is None
    for subscriber_key in subscriber_keys:
        state.put(subscriber_key)
        assert state.subscriber_key(subscriber_key.key_id) is subscriber_key
        assert state.vendor_key(subscriber_key.key_id) is None


def test_an_event_that_cannot_be_folded_changes_nothing() -> None:
    """A broken history raises and leaves the state as it was."""
    state = State()
    for event, _, _ in PAIRS:
        with pytest.raises(ImpossibleEvent):
            state.fold(event)
    assert state == State()


def test_a_checkpoint_changes_nothing_of_a_state() -> None:
    """It speaks of the ledger itself: the state stays as it was."""
    state = State()
    for checkpointed in (CHECKPOINTED, CHECKPOINTED):
        assert state.fold(checkpointed) is None
    state.put(CHECKPOINT)
    assert state == State()


def test_signing_in_changes_nothing_of_a_state() -> None:
    """Logins and invitations are no part of it: their events fold whatever came before, and so do they."""
    state = State()
    for event, aggregate, _ in SIGNING_IN:
        assert state.fold(event) is None
        state.put(aggregate)
    assert state == State()


def test_an_actor_reads_as_role_and_subject() -> None:
    """An actor's text is what the history shows."""
    assert str(Actor(role="owner", subject="anna")) == "owner:anna"
