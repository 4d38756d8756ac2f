"""A subscriber key: made, edited field by field, revoked for ever, and found by its own account alone."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from libs.domain.account import Account
from libs.domain.ids import AccountId, KeyId, VendorId
from libs.domain.permissions import Access, Category
from libs.domain.refusal import ImpossibleEvent, RefusalKind
from libs.domain.subscriber_key import (
    CreateSubscriberKey,
    EditSubscriberKey,
    RevokeSubscriberKey,
    SubscriberKey,
    SubscriberKeyCommand,
    SubscriberKeyCreated,
    SubscriberKeyEvent,
    SubscriberKeyExpiryChanged,
    SubscriberKeyPermissionsChanged,
    SubscriberKeyRenamed,
    SubscriberKeyRevoked,
    SubscriberKeyVendorsChanged,
    decide,
    evolve,
)
from tests.unit.domain.given import (
    EARLIER,
    FOREIGN,
    KEY,
    LATER,
    NOT_FOUND,
    NOW,
    OPEN,
    REVOKED_KEY,
    SHUT,
    code_of,
)

CREATE = CreateSubscriberKey(
    key_id=KEY.key_id,
    name=KEY.name,
    permissions=KEY.permissions,
    vendor_ids=KEY.vendor_ids,
    expires_at=KEY.expires_at,
    digest=KEY.digest,
    secret_hint=KEY.secret_hint,
    created_at=KEY.created_at,
)
CREATED = SubscriberKeyCreated(
    key_id=KEY.key_id,
    account_id=KEY.account_id,
    name=KEY.name,
    permissions=KEY.permissions,
    vendor_ids=KEY.vendor_ids,
    expires_at=KEY.expires_at,
    digest=KEY.digest,
    secret_hint=KEY.secret_hint,
    created_at=KEY.created_at,
)
RENAME = EditSubscriberKey(at=NOW, name="Other")
REVOKE = RevokeSubscriberKey(revoked_at=LATER)
RENAMED = SubscriberKeyRenamed(key_id=KEY.key_id, account_id=KEY.account_id, name="Other")
CHANGED = SubscriberKeyPermissionsChanged(
    key_id=KEY.key_id,
    account_id=KEY.account_id,
    permissions=KEY.permissions.changed({Category.PATIENT: Access.NONE}),
)
NARROWED = SubscriberKeyVendorsChanged(
    key_id=KEY.key_id, account_id=KEY.account_id, vendor_ids=(VendorId("ven_1"),)
)
LIMITED = SubscriberKeyExpiryChanged(key_id=KEY.key_id, account_id=KEY.account_id, expires_at=LATER)
REVOKED = SubscriberKeyRevoked(key_id=KEY.key_id, account_id=KEY.account_id, revoked_at=LATER)
EXPIRES_IN_THE_PAST = (RefusalKind.INVALID, "expires-in-the-past")
COMMANDS: tuple[SubscriberKeyCommand, ...] = (CREATE, RENAME, REVOKE)


@pytest.mark.parametrize("account", [SHUT, OPEN])
def test_an_account_makes_a_key_with_its_integrations_on_or_off(account: Account) -> None:
    """A key may be made before integrations are turned on; it is the account's own."""
    assert decide(CREATE, None, account) == (CREATED,)


@pytest.mark.parametrize("key", [KEY, REVOKED_KEY])
def test_a_key_is_made_once(key: SubscriberKey) -> None:
    """An id that is taken cannot be made again, revoked or not."""
    assert code_of(decide(CREATE, key, OPEN)) == (RefusalKind.CONFLICT, "key-exists")


@pytest.mark.parametrize("expires_at", [EARLIER, NOW])
def test_a_key_is_not_made_expired(expires_at: datetime) -> None:
    """An expiry at or before the moment of creation is invalid."""
    assert code_of(decide(replace(CREATE, expires_at=expires_at), None, OPEN)) == EXPIRES_IN_THE_PAST


def test_a_key_is_expired_from_the_instant_on() -> None:
    """Up to the instant it works, at the instant and after it does not; without an expiry it never stops."""
    key = replace(KEY, expires_at=NOW)
    assert [key.is_expired(now) for now in (EARLIER, NOW, LATER)] == [False, True, True]
    assert not replace(KEY, expires_at=None).is_expired(LATER)


def test_a_key_may_expire_any_moment_later() -> None:
    """A microsecond from now is the future."""
    soon = NOW + timedelta(microseconds=1)
    assert decide(replace(CREATE, expires_at=soon), None, OPEN) == (replace(CREATED, expires_at=soon),)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("key", [None, KEY, REVOKED_KEY])
def test_without_an_account_nothing_is_found(
    command: SubscriberKeyCommand, key: SubscriberKey | None
) -> None:
    """An account that does not exist has no keys."""
    assert code_of(decide(command, key, None)) == NOT_FOUND


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("key", [KEY, REVOKED_KEY])
def test_another_accounts_key_is_not_found(command: SubscriberKeyCommand, key: SubscriberKey) -> None:
    """Whether a key exists elsewhere is not told, not even by a conflict."""
    assert code_of(decide(command, key, FOREIGN)) == NOT_FOUND


@pytest.mark.parametrize("command", [RENAME, REVOKE])
def test_a_key_that_never_was_is_not_found(command: SubscriberKeyCommand) -> None:
    """What was never made is neither edited nor revoked."""
    assert code_of(decide(command, None, OPEN)) == NOT_FOUND


def test_revoking_again_gives_no_event() -> None:
    """A key is revoked once, at the first moment, whoever asks again."""
    assert decide(REVOKE, KEY, OPEN) == (REVOKED,)
    assert decide(RevokeSubscriberKey(revoked_at=EARLIER), REVOKED_KEY, OPEN) == ()


def test_a_revoked_key_is_not_edited() -> None:
    """Even an edit that names nothing is refused: revoked is for ever."""
    for command in (RENAME, EditSubscriberKey(at=NOW)):
        assert code_of(decide(command, REVOKED_KEY, OPEN)) == (RefusalKind.CONFLICT, "key-revoked")


@pytest.mark.parametrize(
    ("edit", "events"),
    [
        (EditSubscriberKey(at=NOW), ()),
        (EditSubscriberKey(at=NOW, name=KEY.name), ()),
        (EditSubscriberKey(at=NOW, permissions={}), ()),
        (EditSubscriberKey(at=NOW, permissions={Category.PATIENT: Access.READ}), ()),
        (EditSubscriberKey(at=NOW, vendor_ids=None), ()),
        (EditSubscriberKey(at=NOW, expires_at=None), ()),
        (RENAME, (RENAMED,)),
        (EditSubscriberKey(at=NOW, permissions={Category.PATIENT: Access.NONE}), (CHANGED,)),
        (EditSubscriberKey(at=NOW, vendor_ids=(VendorId("ven_1"),)), (NARROWED,)),
        (EditSubscriberKey(at=NOW, vendor_ids=()), (replace(NARROWED, vendor_ids=()),)),
        (EditSubscriberKey(at=NOW, expires_at=LATER), (LIMITED,)),
    ],
)
def test_an_edit_records_what_it_changes(
    edit: EditSubscriberKey, events: tuple[SubscriberKeyEvent, ...]
) -> None:
    """A field that is not named, or named as it is, gives no event; every other gives one."""
    assert decide(edit, KEY, OPEN) == events


def test_an_edit_of_everything_gives_an_event_for_each_field() -> None:
    """One command, four facts, in one order."""
    edit = EditSubscriberKey(
        at=NOW,
        name="Other",
        permissions={Category.PATIENT: Access.NONE},
        vendor_ids=(VendorId("ven_1"),),
        expires_at=LATER,
    )
    assert decide(edit, KEY, OPEN) == (RENAMED, CHANGED, NARROWED, LIMITED)


def test_none_lifts_a_limit() -> None:
    """None is a value of its own: any vendor, and for ever."""
    limited = replace(KEY, vendor_ids=(VendorId("ven_1"),), expires_at=LATER)
    assert decide(EditSubscriberKey(at=NOW, vendor_ids=None, expires_at=None), limited, OPEN) == (
        replace(NARROWED, vendor_ids=None),
        replace(LIMITED, expires_at=None),
    )


def test_an_expiry_moves_into_the_future_only() -> None:
    """An edit to the past is invalid and changes nothing else either."""
    for expires_at in (EARLIER, NOW):
        edit = EditSubscriberKey(at=NOW, name="Other", expires_at=expires_at)
        assert code_of(decide(edit, KEY, OPEN)) == EXPIRES_IN_THE_PAST


def test_an_expired_key_can_still_be_renamed_and_extended() -> None:
    """An expiry that has passed is no obstacle when the edit names it as it is, or moves it on."""
    expired = replace(KEY, expires_at=EARLIER)
    assert decide(EditSubscriberKey(at=NOW, name="Other", expires_at=EARLIER), expired, OPEN) == (RENAMED,)
    assert decide(EditSubscriberKey(at=NOW, expires_at=LATER), expired, OPEN) == (LIMITED,)


@pytest.mark.parametrize(
    ("event", "after"),
    [
        (RENAMED, replace(KEY, name="Other")),
        (CHANGED, replace(KEY, permissions=CHANGED.permissions)),
        (NARROWED, replace(KEY, vendor_ids=NARROWED.vendor_ids)),
        (LIMITED, replace(KEY, expires_at=LATER)),
        (REVOKED, REVOKED_KEY),
    ],
)
def test_a_history_changes_what_its_events_name(event: SubscriberKeyEvent, after: SubscriberKey) -> None:
    """Each event changes its own field; a revoked key keeps what its use is attributed by."""
    assert evolve(KEY, event) == after


def test_a_history_starts_with_a_creation() -> None:
    """A key is what its creation says, all of it."""
    limited = replace(CREATED, vendor_ids=(VendorId("ven_1"),), expires_at=LATER)
    assert evolve(None, CREATED) == KEY
    assert evolve(None, limited) == replace(KEY, vendor_ids=limited.vendor_ids, expires_at=LATER)


EDITS: tuple[SubscriberKeyEvent, ...] = (RENAMED, CHANGED, NARROWED, LIMITED, REVOKED)


@pytest.mark.parametrize("event", EDITS)
def test_what_cannot_follow_is_a_broken_history(event: SubscriberKeyEvent) -> None:
    """Nothing follows a revocation, precedes a creation, or happens to another's key."""
    strangers = (
        replace(KEY, key_id=KeyId("key_other")),
        replace(KEY, account_id=AccountId("acc_2")),
    )
    for key in (None, REVOKED_KEY, *strangers):
        with pytest.raises(ImpossibleEvent, match=type(event).__name__):
            evolve(key, event)


@pytest.mark.parametrize("key", [KEY, REVOKED_KEY])
def test_a_second_creation_is_a_broken_history(key: SubscriberKey) -> None:
    """A key is created once."""
    with pytest.raises(ImpossibleEvent, match="SubscriberKeyCreated"):
        evolve(key, CREATED)
