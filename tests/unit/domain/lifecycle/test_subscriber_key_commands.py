"""A subscriber key: made, edited field by field, rotated, revoked, and found by its own account alone."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from keyfold.domain.ids import KeyId
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.subscriber_key import (
    SubscriberKey,
    SubscriberKeyExpiryChanged,
)
from keyfold.domain.lifecycle.subscriber_key_commands import (
    SubscriberKeyCommand,
    decide,
    decide_revocations,
)
from keyfold.domain.refusal import RefusalKind
from tests.support.domain.given import (
    EARLIER,
    FOREIGN,
    KEY,
    LATER,
    MOMENT,
    NOT_FOUND,
    NOW,
    OLD_SECRET,
    OPEN,
    REVOKED_KEY,
    SHUT,
    code_of,
)
from tests.support.domain.key_commands import (
    CREATE,
    EDIT,
    EXPIRES_IN_THE_PAST,
    PASS_TIME,
    RENAME,
    REVOKE,
    ROTATE,
)
from tests.support.domain.key_events import (
    CREATED,
    PACED,
    PLACED,
    REVOKED,
    ROTATED,
)

LIMITED = SubscriberKeyExpiryChanged(
    key_id=KEY.key_id, account_id=KEY.account_id, expires_at=LATER, reminders=()
)
COMMANDS: tuple[SubscriberKeyCommand, ...] = (CREATE, RENAME, ROTATE, REVOKE, PASS_TIME)
TWO_WEEKS, THREE_DAYS = timedelta(days=14), timedelta(days=3)


@pytest.mark.parametrize("account", [SHUT, OPEN])
def test_an_account_makes_a_key_with_its_integrations_on_or_off(account: Account) -> None:
    """A key may be made before integrations are turned on; it is the account's own."""
    assert decide(CREATE, None, account, NOW) == (CREATED,)


def test_a_key_is_made_with_its_limits() -> None:
    """Vendors, networks, how often, and an expiry may be named from the beginning, an empty list too."""
    expires_at = NOW + timedelta(days=5)
    create = replace(
        CREATE,
        vendor_ids=(),
        networks=PLACED.networks,
        rate_limit=PACED.rate_limit,
        expires_at=expires_at,
    )
    limited = replace(
        CREATED,
        vendor_ids=(),
        networks=PLACED.networks,
        rate_limit=PACED.rate_limit,
        expires_at=expires_at,
        reminders=(expires_at - THREE_DAYS,),
    )
    assert decide(create, None, OPEN, NOW) == (limited,)


@pytest.mark.parametrize("key", [KEY, REVOKED_KEY])
def test_a_key_is_made_once(key: SubscriberKey) -> None:
    """An id that is taken cannot be made again, revoked or not."""
    assert code_of(decide(CREATE, key, OPEN, NOW)) == (RefusalKind.CONFLICT, "key-exists")


@pytest.mark.parametrize("expires_at", [EARLIER, NOW])
def test_a_key_is_not_made_expired(expires_at: datetime) -> None:
    """An expiry at or before the moment of creation is invalid."""
    assert code_of(decide(replace(CREATE, expires_at=expires_at), None, OPEN, NOW)) == EXPIRES_IN_THE_PAST


def test_a_key_may_expire_any_moment_later() -> None:
    """A microsecond from now is the future."""
    soon = NOW + MOMENT
    assert decide(replace(CREATE, expires_at=soon), None, OPEN, NOW) == (replace(CREATED, expires_at=soon),)


def test_an_account_has_a_bounded_number_of_live_keys() -> None:
    """One below the bound there is room for one more; at it, and beyond a bound that was lowered, none."""
    assert decide(CREATE, None, OPEN, NOW, live_keys=2) == (CREATED,)
    for live_keys in (3, 4):
        refusal = decide(CREATE, None, OPEN, NOW, live_keys=live_keys)
        assert code_of(refusal) == (RefusalKind.CONFLICT, "too-many-keys")
        assert f"{live_keys} live keys, and 3" in getattr(refusal, "detail", "")


@pytest.mark.parametrize(
    ("expires_in", "reminded_before"),
    [
        (timedelta(days=400), [TWO_WEEKS, THREE_DAYS]),
        (TWO_WEEKS + MOMENT, [TWO_WEEKS, THREE_DAYS]),
        (TWO_WEEKS, [THREE_DAYS]),
        (THREE_DAYS + MOMENT, [THREE_DAYS]),
        (THREE_DAYS, []),
        (MOMENT, []),
    ],
)
def test_reminders_are_set_with_the_expiry(expires_in: timedelta, reminded_before: list[timedelta]) -> None:
    """14 and 3 days before, in order, and only those still ahead: made with the key or edited later."""
    expires_at = NOW + expires_in
    reminders = tuple(expires_at - before for before in reminded_before)
    created = replace(CREATED, expires_at=expires_at, reminders=reminders)
    assert decide(replace(CREATE, expires_at=expires_at), None, OPEN, NOW) == (created,)
    limited = replace(LIMITED, expires_at=expires_at, reminders=reminders)
    old = replace(KEY, created_at=NOW - timedelta(days=100))
    assert decide(replace(EDIT, expires_at=expires_at), old, OPEN, NOW) == (limited,)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("key", [None, KEY, REVOKED_KEY])
def test_without_an_account_nothing_is_found(
    command: SubscriberKeyCommand, key: SubscriberKey | None
) -> None:
    """An account that does not exist has no keys."""
    assert code_of(decide(command, key, None, NOW)) == NOT_FOUND


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("key", [replace(KEY, outgoing=OLD_SECRET), REVOKED_KEY])
def test_another_accounts_key_is_not_found(command: SubscriberKeyCommand, key: SubscriberKey) -> None:
    """Whether a key exists elsewhere is not told, not even by a conflict."""
    assert code_of(decide(command, key, FOREIGN, NOW)) == NOT_FOUND


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_a_key_that_never_was_is_not_found(command: SubscriberKeyCommand) -> None:
    """What was never made is neither edited nor rotated nor revoked, and nothing falls due for it."""
    assert code_of(decide(command, None, OPEN, NOW)) == NOT_FOUND


def test_revoking_again_gives_no_event() -> None:
    """A key is revoked once, at the first moment, whoever asks again."""
    assert decide(REVOKE, KEY, OPEN, LATER) == (REVOKED,)
    assert decide(REVOKE, REVOKED_KEY, OPEN, EARLIER) == ()


@pytest.mark.parametrize("command", [RENAME, EDIT, ROTATE])
def test_a_revoked_key_is_neither_edited_nor_rotated(command: SubscriberKeyCommand) -> None:
    """Even an edit that names nothing is refused: revoked is for ever."""
    assert code_of(decide(command, REVOKED_KEY, OPEN, NOW)) == (RefusalKind.CONFLICT, "key-revoked")


def test_many_keys_are_revoked_at_once() -> None:
    """Those of the account that work; no other key hinders them."""
    other = replace(KEY, key_id=KeyId("key_o"))
    strange = replace(KEY, account_id=FOREIGN.account_id)
    events = decide_revocations((KEY, None, REVOKED_KEY, strange, other), OPEN, LATER)
    assert events == (REVOKED, replace(REVOKED, key_id=other.key_id))
    assert decide_revocations((), OPEN, LATER) == ()
    assert code_of(decide_revocations((KEY,), None, LATER)) == NOT_FOUND


@pytest.mark.parametrize("key", [KEY, replace(KEY, outgoing=OLD_SECRET), replace(KEY, expires_at=EARLIER)])
def test_a_key_is_rotated_whenever_it_is_not_revoked(key: SubscriberKey) -> None:
    """In an overlap or expired too, the new secret is there at once and the old one for the overlap."""
    assert decide(ROTATE, key, OPEN, NOW) == (ROTATED,)
    week = replace(ROTATE, overlap=timedelta(days=7))
    assert decide(week, key, OPEN, NOW) == (replace(ROTATED, overlap_ends_at=NOW + timedelta(days=7)),)


def test_a_rotation_without_an_overlap_leaves_one_secret() -> None:
    """An overlap of nothing is none: it ends with the rotation, and not by an event of its own."""
    for overlap, ends_at in ((timedelta(0), None), (MOMENT, NOW + MOMENT)):
        rotated = replace(ROTATED, overlap_ends_at=ends_at)
        assert decide(replace(ROTATE, overlap=overlap), KEY, OPEN, NOW) == (rotated,)
