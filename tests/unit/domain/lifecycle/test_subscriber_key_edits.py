"""A subscriber key is edited field by field: what is named and differs is recorded, and only what may be."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from keyfold.domain.ids import VendorId
from keyfold.domain.lifecycle.subscriber_key import (
    SubscriberKeyEvent,
    SubscriberKeyExpiryChanged,
)
from keyfold.domain.lifecycle.subscriber_key_commands import (
    EditSubscriberKey,
    decide,
)
from keyfold.domain.network import parse_network
from keyfold.domain.permissions import Access, Category
from keyfold.domain.rate_limit import RateLimit
from keyfold.domain.refusal import RefusalKind
from tests.support.domain.given import (
    EARLIER,
    KEY,
    LATER,
    NOW,
    OPEN,
    code_of,
)
from tests.support.domain.key_commands import APPROVED, CREATE, EDIT, EXPIRES_IN_THE_PAST, RENAME
from tests.support.domain.key_events import (
    CHANGED,
    NARROWED,
    PACED,
    PLACED,
    RENAMED,
)

LIMITED = SubscriberKeyExpiryChanged(
    key_id=KEY.key_id, account_id=KEY.account_id, expires_at=LATER, reminders=()
)


@pytest.mark.parametrize(
    ("edit", "events"),
    [
        (EDIT, ()),
        (replace(EDIT, name=KEY.name), ()),
        (replace(EDIT, permissions={}), ()),
        (replace(EDIT, permissions={Category.PATIENT: Access.READ}), ()),
        (replace(EDIT, vendor_ids=None), ()),
        (replace(EDIT, networks=None), ()),
        (replace(EDIT, rate_limit=None), ()),
        (replace(EDIT, expires_at=None), ()),
        (RENAME, (RENAMED,)),
        (replace(EDIT, permissions={Category.PATIENT: Access.NONE}), (CHANGED,)),
        (replace(EDIT, vendor_ids=(VendorId("ven_1"),)), (NARROWED,)),
        (replace(EDIT, vendor_ids=()), (replace(NARROWED, vendor_ids=()),)),
        (replace(EDIT, networks=(parse_network("203.0.113.0/24"),)), (PLACED,)),
        (replace(EDIT, networks=()), (replace(PLACED, networks=()),)),
        (replace(EDIT, rate_limit=RateLimit.of(100, 60, 200)), (PACED,)),
        (replace(EDIT, expires_at=LATER), (LIMITED,)),
    ],
)
def test_an_edit_records_what_it_changes(
    edit: EditSubscriberKey, events: tuple[SubscriberKeyEvent, ...]
) -> None:
    """A field that is not named, or named as it is, gives no event; every other gives one."""
    assert decide(edit, KEY, OPEN, NOW, approved_vendors=APPROVED) == events


def test_an_edit_of_everything_gives_an_event_for_each_field() -> None:
    """One command, six facts, in one order."""
    edit = replace(
        EDIT,
        name="Other",
        permissions={Category.PATIENT: Access.NONE},
        vendor_ids=(VendorId("ven_1"),),
        networks=PLACED.networks,
        rate_limit=PACED.rate_limit,
        expires_at=LATER,
    )
    events = decide(edit, KEY, OPEN, NOW, approved_vendors=APPROVED)
    assert events == (RENAMED, CHANGED, NARROWED, PLACED, PACED, LIMITED)


def test_none_lifts_a_limit() -> None:
    """None is a value of its own: any vendor, anywhere, by the default, and for ever."""
    limited = replace(
        KEY,
        vendor_ids=(VendorId("ven_1"),),
        networks=PLACED.networks,
        rate_limit=PACED.rate_limit,
        expires_at=LATER,
        reminders=(NOW,),
    )
    lifted = replace(EDIT, vendor_ids=None, networks=None, rate_limit=None, expires_at=None)
    assert decide(lifted, limited, OPEN, NOW) == (
        replace(NARROWED, vendor_ids=None),
        replace(PLACED, networks=None),
        replace(PACED, rate_limit=None),
        replace(LIMITED, expires_at=None),
    )


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        (("ven_2",), "ven_2"),
        (("ven_1", "ven_3", "ven_2"), "ven_3, ven_2"),
        (("kfs_live_secret", "ven_1"), "(redacted)"),
    ],
)
def test_only_approved_vendors_are_named(named: tuple[str, ...], shown: str) -> None:
    """A refusal says which ones are not, but never repeats what has not the form of an id."""
    vendor_ids = tuple(map(VendorId, named))
    for command, key in (
        (replace(CREATE, vendor_ids=vendor_ids), None),
        (replace(EDIT, vendor_ids=vendor_ids), KEY),
    ):
        refusal = decide(command, key, OPEN, NOW, approved_vendors=APPROVED)
        assert code_of(refusal) == (RefusalKind.INVALID, "unknown-vendors")
        assert getattr(refusal, "detail", "") == f"No approved vendors: {shown}."


def test_a_vendor_that_a_key_names_may_stay_whatever_became_of_it() -> None:
    """Suspended since, it can be named again beside another that is approved."""
    narrow = replace(KEY, vendor_ids=(VendorId("ven_2"),))
    both = (VendorId("ven_2"), VendorId("ven_1"))
    events = decide(replace(EDIT, vendor_ids=both), narrow, OPEN, NOW, approved_vendors=APPROVED)
    assert events == (replace(NARROWED, vendor_ids=both),)
    assert decide(replace(EDIT, vendor_ids=narrow.vendor_ids), narrow, OPEN, NOW) == ()


@pytest.mark.parametrize("expires_at", [EARLIER, NOW])
def test_an_expiry_moves_into_the_future_only(expires_at: datetime) -> None:
    """An edit to the past is invalid and changes nothing else either."""
    edit = replace(EDIT, name="Other", expires_at=expires_at)
    assert code_of(decide(edit, KEY, OPEN, NOW)) == EXPIRES_IN_THE_PAST


def test_an_expired_key_can_still_be_renamed_and_extended() -> None:
    """An expiry that has passed is no obstacle when the edit names it as it is, or moves it on."""
    expired = replace(KEY, expires_at=EARLIER)
    assert decide(replace(EDIT, name="Other", expires_at=EARLIER), expired, OPEN, NOW) == (RENAMED,)
    assert decide(replace(EDIT, expires_at=LATER), expired, OPEN, NOW) == (LIMITED,)
