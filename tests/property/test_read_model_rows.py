"""What any aggregate is after it has been a row of the read model."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, RevokedVendorKey
from keyfold.store.read_model.rows import (
    Row,
    account_row,
    key_row,
    read_account,
    read_key,
    read_vendor,
    vendor_row,
)
from tests.support.property.strategies import instances_of

JSON_COLUMNS = ("categories", "reviews", "permissions", "vendor_ids")


def stored(row: Row) -> Row:
    """Return the row as PostgreSQL gives it back: JSON in another spelling."""
    return {column: respelled(value) if column in JSON_COLUMNS else value for column, value in row.items()}


def respelled(value: str | None) -> str | None:
    """Return the same JSON with its keys in another order and white space, as jsonb does."""
    if value is None:
        return None
    return orjson.dumps(orjson.loads(value), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2).decode()


@given(account=instances_of(Account))
def test_accounts_come_back(account: Account) -> None:
    """An account that was a row is the same account."""
    assert read_account(stored(account_row(account))) == account


@given(vendor=instances_of(Vendor))
def test_vendors_come_back(vendor: Vendor) -> None:
    """A vendor that was a row is the same vendor, each review with its time to the microsecond."""
    assert read_vendor(stored(vendor_row(vendor))) == vendor


@pytest.mark.parametrize(
    "kind", [ActiveSubscriberKey, RevokedSubscriberKey, ActiveVendorKey, RevokedVendorKey]
)
@given(data=st.data())
def test_keys_come_back(kind: type[Any], data: st.DataObject) -> None:
    """A key that was a row is the same key, of the same kind and in the same phase."""
    key = data.draw(instances_of(kind))
    assert read_key(stored(key_row(key))) == key


@given(data=st.data())
def test_keys_fill_the_same_columns(data: st.DataObject) -> None:
    """Every kind of key fills the same columns, so that they can be written together."""
    subscriber = data.draw(instances_of(ActiveSubscriberKey))
    revoked = data.draw(instances_of(RevokedSubscriberKey))
    vendor = data.draw(instances_of(ActiveVendorKey))
    assert key_row(subscriber).keys() == key_row(revoked).keys() == key_row(vendor).keys()
