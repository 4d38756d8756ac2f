"""Aggregates as rows of the read model and back, without loss: the only place that knows both shapes."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.aggregates import ACCOUNT, SUBSCRIBER_KEY, VENDOR, VENDOR_KEY, AggregateKind
from keyfold.domain.lifecycle.deadlines import due_at
from keyfold.domain.lifecycle.fold import Aggregate
from keyfold.domain.lifecycle.keys import Key
from keyfold.domain.lifecycle.vendor import (
    Review,
    ReviewKind,
    Vendor,
    VendorApplication,
    VendorState,
    Verdict,
)
from keyfold.domain.permissions import Category
from keyfold.store.postgres.errors import ReadModelAltered
from keyfold.wire.keys.packed_key import PACKED_FORMAT, pack_key, unpack_key
from keyfold.wire.timestamp import format_time, parse_time

_TABLES_SHAPE = 8
"""The shape of the tables. Raise it with every change to them or to what stands in their columns."""
SHAPE = _TABLES_SHAPE * 100 + PACKED_FORMAT
"""The shape of the read model: where it is another one, the projection builds the read model anew."""

Row = Mapping[str, Any]
"""One row by column name. JSON is text, times are aware datetimes in UTC."""


def account_row(account: Account) -> Row:
    """Return the columns that an account fills."""
    return {
        "account_id": account.account_id,
        "name": account.name,
        "integrations_enabled": account.integrations_enabled,
    }


def read_account(row: Row) -> Account:
    """Return the account that a row holds."""
    return Account(
        account_id=row["account_id"],
        name=row["name"],
        integrations_enabled=row["integrations_enabled"],
    )


def vendor_row(vendor: Vendor) -> Row:
    """Return the columns that a vendor fills; its reviews and categories are JSON."""
    said = vendor.application
    return {
        "vendor_id": vendor.vendor_id,
        "name": said.name,
        "contact_email": said.contact_email,
        "website": said.website,
        "intended_use": said.intended_use,
        "categories": _json([category.value for category in said.categories]),
        "applicant": vendor.applicant,
        "state": vendor.state.value,
        "reason": vendor.reason,
        "reviews": _json([_review_json(review) for review in vendor.reviews]),
        "reviews_void": vendor.reviews_void,
        "warned_lapse_at": vendor.warned_lapse_at,
        "due_at": due_at(vendor),
    }


def read_vendor(row: Row) -> Vendor:
    """Return the vendor that a row holds."""
    return Vendor(
        vendor_id=row["vendor_id"],
        application=VendorApplication(
            name=row["name"],
            contact_email=row["contact_email"],
            website=row["website"],
            intended_use=row["intended_use"],
            categories=tuple(Category(word) for word in orjson.loads(row["categories"])),
        ),
        applicant=row["applicant"],
        state=VendorState(row["state"]),
        reviews=tuple(_read_review(review) for review in orjson.loads(row["reviews"])),
        reviews_void=row["reviews_void"],
        warned_lapse_at=row["warned_lapse_at"],
        reason=row["reason"],
    )


def key_row(key: Key) -> Row:
    """Return the columns that a key fills: all of it packed, and beside that what keys are listed by."""
    return {
        "key_id": key.key_id,
        "account_id": getattr(key, "account_id", None),
        "vendor_id": getattr(key, "vendor_id", None),
        "name": getattr(key, "name", None),
        "expires_at": getattr(key, "expires_at", None),
        "revoked_at": getattr(key, "revoked_at", None),
        "due_at": due_at(key),
        "packed": pack_key(key),
    }


def read_key(row: Row) -> Key:
    """Return the key that a row holds, of whichever kind."""
    return unpack_key(row["key_id"], row["packed"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: its name, its id column, and how a row of it is made, read and encoded.

    `encode` takes a row and its stream's version, which is not taken from the row. Of a row come all columns
    that are believed, in the one form in which they are hashed.
    """

    name: str
    id_column: str
    row: Callable[[Any], Row]
    read: Callable[[Row], Aggregate]
    encode: Callable[[Row, int], bytes]

    @property
    def load(self) -> str:
        """The writer's statement that finds rows by `ids`."""
        return f"{self.name}_in"

    @property
    def put(self) -> str:
        """The writer's statement that writes rows."""
        return f"put_{self.name}"


def encode_account(row: Row, version: int) -> bytes:
    """Return the bytes of an account that are hashed."""
    return orjson.dumps([row[column] for column in _ACCOUNT_COLUMNS] + [version])


def encode_vendor(row: Row, version: int) -> bytes:
    """Return the bytes of a vendor that are hashed."""
    return orjson.dumps([row[column] for column in _VENDOR_COLUMNS] + [version])


def encode_key(key_id: str, place: bytes, packed: bytes) -> bytes:
    """Return the bytes of a key that are hashed. The other columns are copies of what is packed.

    `place` is version and first position, as PostgreSQL sends an integer and a bigint.
    """
    return b"%b\0%b%b" % (key_id.encode(), place, packed)


def _encode_key_row(row: Row, version: int) -> bytes:
    return encode_key(row["key_id"], _PLACE.pack(version, row["created_position"]), row["packed"])


_PLACE = struct.Struct(">iq")


_ACCOUNT_COLUMNS = ("account_id", "name", "integrations_enabled", "created_position")
_VENDOR_COLUMNS = (
    "vendor_id",
    "name",
    "contact_email",
    "website",
    "intended_use",
    "categories",
    "applicant",
    "state",
    "reason",
    "reviews",
    "reviews_void",
    "warned_lapse_at",
    "due_at",
    "created_position",
)
ACCOUNTS = Table(
    name="accounts", id_column="account_id", row=account_row, read=read_account, encode=encode_account
)
VENDORS = Table(name="vendors", id_column="vendor_id", row=vendor_row, read=read_vendor, encode=encode_vendor)
KEYS = Table(name="keys", id_column="key_id", row=key_row, read=read_key, encode=_encode_key_row)
TABLES: Mapping[AggregateKind[Any], Table] = {
    ACCOUNT: ACCOUNTS,
    VENDOR: VENDORS,
    SUBSCRIBER_KEY: KEYS,
    VENDOR_KEY: KEYS,
}
"""The table that each kind of aggregate stands in. The read model does not hold the other kinds."""


UNREADABLE = (ValueError, LookupError, TypeError, ArithmeticError, AttributeError, struct.error)
"""What reading a row raises that this code did not write."""


def read_row(table: Table, row: Row) -> Aggregate:
    """Return the aggregate that a row holds. Raises ReadModelAltered if it holds none."""
    try:
        return table.read(row)
    except UNREADABLE as fault:
        raise ReadModelAltered(f"a row of {table.name} cannot be read: {type(fault).__name__}") from fault


def _review_json(review: Review) -> dict[str, str]:
    return {
        "kind": review.kind.value,
        "verdict": review.verdict.value,
        "notes": review.notes,
        "reviewer": review.reviewer,
        "reviewed_at": format_time(review.reviewed_at),
        "lapses_at": format_time(review.lapses_at),
        "warn_at": format_time(review.warn_at),
    }


def _read_review(review: Mapping[str, str]) -> Review:
    return Review(
        kind=ReviewKind(review["kind"]),
        verdict=Verdict(review["verdict"]),
        notes=review["notes"],
        reviewer=review["reviewer"],
        reviewed_at=parse_time(review["reviewed_at"]),
        lapses_at=parse_time(review["lapses_at"]),
        warn_at=parse_time(review["warn_at"]),
    )


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
