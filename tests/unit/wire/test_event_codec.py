"""Lifecycle events as JSON: canonical, complete, and refused when anything is in doubt."""

from typing import Any, get_args

import orjson
import pytest

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.account import AccountCreated
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.signatures.signed_head import LedgerCheckpointed
from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyCreated, SubscriberKeyRotated
from keyfold.domain.lifecycle.vendor import ReviewKind, VendorApplied, VendorReviewed, Verdict
from keyfold.domain.lifecycle.vendor_key import VendorKeyIssued
from keyfold.domain.network import parse_network
from keyfold.domain.permissions import CATEGORIES, Access, Category, Permissions
from keyfold.domain.rate_limit import RateLimit
from keyfold.wire.events.codec import TYPE_NAMES, UnknownEvent, decode_event, encode_event
from keyfold.wire.events.upcasting import SCHEMA_VERSION
from tests.support.domain.given import LATER, NOW

CREATED = AccountCreated(account_id=AccountId("acc_1"), name="Zahnärzte")
KEY_CREATED = SubscriberKeyCreated(
    key_id=KeyId("key_s"),
    account_id=AccountId("acc_1"),
    name="Robot",
    permissions=Permissions.of({Category.PATIENT: Access.READ}),
    vendor_ids=(VendorId("ven_1"), VendorId("ven_2")),
    networks=(parse_network("203.0.113.0/24"), parse_network("2001:db8::/32")),
    rate_limit=RateLimit.of(100, 60, 200),
    expires_at=LATER,
    reminders=(NOW,),
    digest=bytes(range(32)),
    secret_hint="kfs_live_s…5678",
    created_at=NOW,
)
KEY_ISSUED = VendorKeyIssued(
    key_id=KeyId("key_v"),
    vendor_id=VendorId("ven_1"),
    digest=bytes(range(32)),
    secret_hint="kfv_live_v…1234",
    issued_at=NOW,
)
REVIEWED = VendorReviewed(
    vendor_id=VendorId("ven_1"),
    kind=ReviewKind.SECURITY,
    verdict=Verdict.PASS,
    notes="",
    reviewer="rita",
    reviewed_at=NOW,
    lapses_at=LATER,
    warn_at=NOW,
)
ROTATED = SubscriberKeyRotated(
    key_id=KeyId("key_s"),
    account_id=AccountId("acc_1"),
    digest=bytes(range(32)),
    secret_hint="kfs_live_s…9999",
    rotated_at=NOW,
    overlap_ends_at=None,
)
CHECKPOINTED = LedgerCheckpointed(
    position=7, head_hash=bytes(32), at=NOW, signing_key_id="0123456789abcdef", signature=bytes(64)
)
APPLIED = VendorApplied(
    vendor_id=VendorId("ven_1"),
    name="Robot",
    contact_email="a@b.example",
    website="https://b.example",
    intended_use="",
    categories=(Category.PATIENT,),
    applicant="dana",
)


def test_every_event_of_the_domain_has_one_type_name() -> None:
    """No event can be decided that cannot be written, and no two are written alike."""
    assert set(TYPE_NAMES) == set(get_args(LifecycleEvent))
    assert len(set(TYPE_NAMES.values())) == len(TYPE_NAMES)
    assert all(name.startswith("keyfold.") for name in TYPE_NAMES.values())


def test_an_event_has_one_text() -> None:
    """Keys are sorted, nothing is spaced, letters are not escaped: the text is fixed for ever."""
    assert encode_event(CREATED) == (
        "keyfold.account.created",
        '{"account_id":"acc_1","name":"Zahnärzte"}',
    )
    assert encode_event(KEY_CREATED)[1] == (
        '{"account_id":"acc_1","created_at":"2026-03-01T09:30:00.000000Z",'
        '"digest":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",'
        '"expires_at":"2026-03-01T10:30:00.000000Z","key_id":"key_s","name":"Robot",'
        '"networks":["203.0.113.0/24","2001:db8::/32"],'
        '"permissions":{"appointment":"none","clinical":"none","contact":"none","files":"none",'
        '"financial":"none","patient":"read","system":"none"},'
        '"rate_limit":{"burst":200,"per_s":60,"requests":100},'
        '"reminders":["2026-03-01T09:30:00.000000Z"],'
        '"secret_hint":"kfs_live_s…5678","vendor_ids":["ven_1","ven_2"]}'
    )
    assert '"kind":"security"' in encode_event(REVIEWED)[1]
    assert '"categories":["patient"]' in encode_event(APPLIED)[1]


def test_an_event_reads_back_from_text_and_from_bytes() -> None:
    """The ledger gives text and Kafka gives bytes."""
    for event in (CREATED, KEY_CREATED, KEY_ISSUED, REVIEWED, APPLIED, ROTATED, CHECKPOINTED):
        name, data = encode_event(event)
        assert decode_event(name, SCHEMA_VERSION, data) == event
        assert decode_event(name, SCHEMA_VERSION, data.encode()) == event


@pytest.mark.parametrize("version", [-1, 0, SCHEMA_VERSION + 1, 99])
def test_another_schema_version_is_unknown(version: int) -> None:
    """An event from newer code stops this code."""
    with pytest.raises(UnknownEvent, match=str(version)):
        decode_event("keyfold.account.created", version, encode_event(CREATED)[1])


@pytest.mark.parametrize("name", ["", "keyfold.account.closed", "AccountCreated", "keyfold.account.created "])
def test_another_type_is_unknown(name: str) -> None:
    """A type that this code does not have stops it."""
    with pytest.raises(UnknownEvent):
        decode_event(name, SCHEMA_VERSION, encode_event(CREATED)[1])


@pytest.mark.parametrize(
    "data",
    ["", "null", "1", "[]", '"x"', "{", "{}", '{"account_id":"acc_1"}', '{"name":"x"}', b"\xff", "NaN"],
)
def test_data_that_is_no_event_is_unknown(data: str | bytes) -> None:
    """What is no JSON object, or lacks a field, stops this code."""
    with pytest.raises(UnknownEvent, match=r"keyfold\.account\.created"):
        decode_event("keyfold.account.created", SCHEMA_VERSION, data)


WORDS = {category.value: "none" for category in CATEGORIES}
BAD_WORDS: list[object] = [None, 1, [], "READ"]
TIMES: list[object] = [None, 5, "", "2026-01-01", "2026-01-01T00:00:00Z", []]
NUMBERS = {"requests": 100, "per_s": 60, "burst": 200}
BAD_NUMBERS: list[object] = [None, 0, -1, 1_000_001, 1.0, True, "1", []]
ODD_NETWORKS = ("203.0.113.7", "203.0.113.7/24", "2001:DB8::/32", "::ffff:192.0.2.0/120", "fe80::%1/64")
WRONG: list[tuple[LifecycleEvent, str, list[object]]] = [
    (CREATED, "name", [None, 5, True, [], {}, ["x"]]),
    (CREATED, "account_id", [None, 5]),
    (KEY_CREATED, "vendor_ids", ["ven_1", {}, 5, [None], [5], [["ven_1"]]]),
    (KEY_CREATED, "expires_at", TIMES[1:]),
    (KEY_CREATED, "created_at", TIMES),
    (KEY_CREATED, "digest", [None, 5, [], "zz", "0", "00 11", " 00", "AA", "é"]),
    (KEY_CREATED, "permissions", [None, 5, "", [], list(WORDS), {}, {"patient": "read"}]),
    (KEY_CREATED, "permissions", [{**WORDS, "more": "none"}, {**WORDS, "patient": "admin"}]),
    (KEY_CREATED, "permissions", [{**WORDS, "patient": word} for word in BAD_WORDS]),
    (KEY_CREATED, "networks", ["203.0.113.0/24", {}, 5, [None], [5], [["203.0.113.0/24"]], ["", "x"]]),
    (KEY_CREATED, "networks", [[network] for network in ODD_NETWORKS]),
    (KEY_CREATED, "rate_limit", ["100/60", 100, [], {}, True, [100, 60, 200]]),
    (KEY_CREATED, "rate_limit", [dict.fromkeys(("requests", "per_s"), 1), {**NUMBERS, "more": 1}]),
    (KEY_CREATED, "rate_limit", [{**NUMBERS, name: bad} for name in NUMBERS for bad in BAD_NUMBERS]),
    (KEY_CREATED, "reminders", [None, "", {}, [None], [5], ["2026-01-01"]]),
    (ROTATED, "overlap_ends_at", TIMES[1:]),
    (ROTATED, "rotated_at", TIMES),
    (CHECKPOINTED, "position", [None, "7", 7.0, True, []]),
    (CHECKPOINTED, "head_hash", [None, 5, "zz", "AA"]),
    (KEY_ISSUED, "digest", [None, "zz"]),
    (KEY_ISSUED, "issued_at", TIMES),
    (REVIEWED, "kind", [None, 5, "", "SECURITY", "privacy", []]),
    (REVIEWED, "verdict", [None, True, "maybe", {}]),
    (APPLIED, "categories", [None, "patient", {}, ["x"], [5], [None], [[]]]),
]


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [(event, field, value) for event, field, values in WRONG for value in values],
)
def test_a_field_of_another_kind_is_unknown(event: LifecycleEvent, field: str, value: object) -> None:
    """A field that holds what such a field never holds stops this code, and is never coerced."""
    name, text = encode_event(event)
    data: dict[str, Any] = orjson.loads(text)
    with pytest.raises(UnknownEvent, match=name):
        decode_event(name, SCHEMA_VERSION, orjson.dumps({**data, field: value}))


def test_one_event_is_never_taken_for_another() -> None:
    """Data under another type's name is refused, where the fields differ."""
    with pytest.raises(UnknownEvent):
        decode_event("keyfold.vendor.applied", SCHEMA_VERSION, encode_event(CREATED)[1])
