"""A long ledger as after years of use: accounts, keys, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from keyfold.domain.lifecycle.account import IntegrationsEnabled
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyPermissionsChanged
from keyfold.domain.permissions import Access, Category, Permissions
from tests.support.ledger_builder import (
    LedgerBuilder,
    account_created,
    account_id,
    key_created,
    key_id,
    key_revoked,
    vendor_approved,
    vendor_key_issued,
)

VENDOR_KEY = 999_999_999
WRITING = Permissions.of({Category.APPOINTMENT: Access.WRITE, Category.PATIENT: Access.READ})


def history(events: int) -> LedgerBuilder:
    """Return a ledger of this many events."""
    return LedgerBuilder(islice(_endless(), events))


def _endless() -> Iterator[LifecycleEvent]:
    yield from vendor_approved(1)
    yield vendor_key_issued(VENDOR_KEY)
    number = 0
    while True:
        number += 1
        yield account_created(number)
        yield IntegrationsEnabled(account_id=account_id(number))
        for key in (3 * number, 3 * number + 1, 3 * number + 2):
            yield key_created(key, number)
            yield SubscriberKeyPermissionsChanged(
                key_id=key_id(key), account_id=account_id(number), permissions=WRITING
            )
        yield key_revoked(3 * number, number)
