"""Ledgers that earlier code has written: today's code reads every row of them, and tells the same facts."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from keyfold.domain.lifecycle.deadlines import due_at
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.identity.login import LoginBound, LoginEnded
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import (
    ActiveSubscriberKey,
    RevokedSubscriberKey,
    SubscriberKeyCreated,
    SubscriberKeyExpiryChanged,
)
from keyfold.domain.lifecycle.vendor import VendorReviewed, VendorState
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, RevokedVendorKey
from keyfold.domain.network import parse_network
from keyfold.domain.rate_limit import RateLimit
from keyfold.wire.events.chain import GENESIS, Row, understand
from keyfold.wire.events.codec import TYPE_NAMES, UnknownEvent, decode_event, encode_event
from keyfold.wire.events.upcasting import SCHEMA_VERSION, UPCASTERS, upcast
from tests.support.ledger_builder import account_id, key_id, vendor_id
from tests.support.lifecycle_events import invitation_id
from tests.support.seals import follow

CORPUS = Path(__file__).parents[2] / "corpus"
DIGESTS = {
    1: "ee6aadadc56b6843a5c07588e74900759ae86240fb1fb5adef05076d215e0a55",
    2: "2bac4d49037479c016cbe14653a1807ec49424e8432416b63650fb6833d6699b",
    3: "20d96216fa447f00a33ab5f5fc855e45768a92b9f03d1669cb6aa61527b19fe8",
    4: "69ae21b20ffd64e931a18646dff79386fa75e5b5187b519079235528a5a845a9",
    5: "51a49a060979b70fe5694c4bab038a0ec1fec5d77b07269e36660496efbdb371",
}
VERSIONS = pytest.mark.parametrize("version", DIGESTS)
START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
SINCE_VERSION_5 = {"keyfold.ledger.seal_key_adopted"}
SINCE_VERSION_4 = {
    *SINCE_VERSION_5,
    "keyfold.login.bound",
    "keyfold.login.ended",
    "keyfold.invitation.made",
    "keyfold.invitation.used",
    "keyfold.invitation.withdrawn",
}
SINCE_VERSION_3 = {*SINCE_VERSION_4, "keyfold.subscriber_key.rate_limit_changed"}
SINCE_VERSION_2 = {
    *SINCE_VERSION_3,
    "keyfold.vendor.amended",
    "keyfold.vendor.reapplied",
    "keyfold.vendor.reviews_lapse_near",
    "keyfold.vendor_key.rotated",
    "keyfold.vendor_key.overlap_ended",
    "keyfold.subscriber_key.networks_changed",
    "keyfold.subscriber_key.expiry_near",
    "keyfold.subscriber_key.rotated",
    "keyfold.subscriber_key.overlap_ended",
    "keyfold.ledger.checkpointed",
}


def file_of(version: int) -> Path:
    """Return the ledger that the code of a schema version has written."""
    return CORPUS / f"lifecycle_v{version}.ndjson"


def rows_of(version: int) -> list[tuple[Row, bytes]]:
    """Return every row of such a ledger with its hash."""
    rows = []
    for line in file_of(version).read_bytes().splitlines():
        fields: dict[str, Any] = orjson.loads(line)
        row_hash = bytes.fromhex(fields.pop("hash"))
        fields.pop("seal", None)
        rows.append((Row(**fields), row_hash))
    return rows


def events_of(version: int) -> list[LifecycleEvent]:
    """Return the events of such a ledger as today's code understands them."""
    return [understand(row, row_hash).event for row, row_hash in rows_of(version)]


def folded(version: int) -> State:
    """Return the state that such a ledger folds into."""
    state = State()
    for event in events_of(version):
        state.fold(event)
    return state


def test_every_version_has_a_ledger() -> None:
    """Nothing is written in a version that is not read here."""
    assert {file_of(version) for version in range(1, SCHEMA_VERSION + 1)} == set(CORPUS.glob("*.ndjson"))
    assert list(DIGESTS) == list(range(1, SCHEMA_VERSION + 1))


@VERSIONS
def test_a_frozen_ledger_is_never_changed(version: int) -> None:
    """What was written is written: a test that fails is not mended here."""
    assert sha256(file_of(version).read_bytes()).hexdigest() == DIGESTS[version]


@VERSIONS
def test_a_ledgers_chain_is_followed_to_its_end(version: int) -> None:
    """The seals are over what was written, not over what it is read as."""
    head = GENESIS
    for row, row_hash in rows_of(version):
        assert row.schema_version == version
        understand(row, row_hash)
        after = follow(head, row, row_hash)
        assert after is not None
        head = after
    assert head.position == len(rows_of(version))


@VERSIONS
def test_every_type_of_its_time_is_in_a_ledger(version: int) -> None:
    """No type is left untried because it happened not to occur."""
    later = {1: SINCE_VERSION_2, 2: SINCE_VERSION_3, 3: SINCE_VERSION_4, 4: SINCE_VERSION_5}.get(
        version, set()
    )
    assert {row.type for row, _ in rows_of(version)} == set(TYPE_NAMES.values()) - later


@VERSIONS
def test_every_row_is_understood_and_writes_the_same_event_today(version: int) -> None:
    """An old event is an event of today: written anew in today's version it reads back."""
    for row, row_hash in rows_of(version):
        event = understand(row, row_hash).event
        name, data = encode_event(event)
        assert name == row.type
        assert decode_event(name, SCHEMA_VERSION, data) == event


def test_todays_ledger_is_written_as_it_stands() -> None:
    """In the version of today nothing is brought up to date: what is read is written again to the byte."""
    for row, row_hash in rows_of(SCHEMA_VERSION):
        assert encode_event(understand(row, row_hash).event) == (row.type, row.data)


def test_what_version_1_says_of_accounts_and_vendors() -> None:
    """The names, the switch, and where each vendor stands."""
    state = folded(1)
    assert {held.account_id: held.integrations_enabled for held in state.accounts.values()} == {
        account_id(1): True,
        account_id(2): False,
    }
    assert state.accounts[account_id(1)].name == "Bäckerei „Zahn“ 1"
    assert {held.vendor_id: held.state for held in state.vendors.values()} == {
        vendor_id(1): VendorState.APPROVED,
        vendor_id(2): VendorState.APPROVED,
        vendor_id(3): VendorState.REJECTED,
    }
    assert isinstance(state.keys[key_id(101)], ActiveVendorKey)
    assert isinstance(state.keys[key_id(102)], RevokedVendorKey)


def test_what_version_1_says_of_keys() -> None:
    """Keys work from anywhere, as they did then, and no old secret is left over."""
    state = folded(1)
    first, third = state.keys[key_id(1)], state.keys[key_id(3)]
    assert isinstance(first, ActiveSubscriberKey)
    assert isinstance(third, ActiveSubscriberKey)
    assert (first.name, first.vendor_ids) == ("Front desk", (vendor_id(1), vendor_id(2)))
    assert first.permissions.as_words()["clinical"] == "write"
    assert (third.vendor_ids, third.expires_at) == ((), START + DAY + timedelta(microseconds=1))
    for key in (first, third):
        assert (key.networks, key.outgoing) == (None, None)
    assert isinstance(state.keys[key_id(2)], RevokedSubscriberKey)


def test_expiries_of_version_1_have_their_reminders() -> None:
    """14 and 3 days before, in order; a key without an expiry is reminded of nothing."""
    made = {event.key_id: event for event in events_of(1) if isinstance(event, SubscriberKeyCreated)}
    assert made[key_id(2)].expires_at == START + 30 * DAY
    assert made[key_id(2)].reminders == (START + 16 * DAY, START + 27 * DAY)
    assert made[key_id(1)].reminders == ()
    [moved] = [event for event in events_of(1) if isinstance(event, SubscriberKeyExpiryChanged)]
    expires_at = START + DAY + timedelta(microseconds=1)
    assert moved.reminders == (expires_at - 14 * DAY, expires_at - 3 * DAY)


def test_reviews_of_version_1_lapse_a_year_after_they_were_made() -> None:
    """With a warning 30 days before, which the vendors that were let in await."""
    reviews = [event for event in events_of(1) if isinstance(event, VendorReviewed)]
    assert len(reviews) == 5
    for review in reviews:
        assert review.reviewed_at == START
        assert (review.warn_at, review.lapses_at) == (START + 335 * DAY, START + 365 * DAY)
    assert due_at(folded(1).vendors[vendor_id(1)]) == START + 335 * DAY


def test_keys_of_version_2_have_no_limit_of_their_own() -> None:
    """Nothing else of them is another: they are used as often as the platform's default says."""
    made = [event for event in events_of(2) if isinstance(event, SubscriberKeyCreated)]
    assert len(made) == 6
    assert {event.rate_limit for event in made} == {None}
    networked = folded(2).keys[key_id(6)]
    assert isinstance(networked, ActiveSubscriberKey)
    assert (networked.networks, networked.rate_limit) == ((parse_network("2001:db8::/32"),), None)


def test_what_version_3_says_of_rate_limits() -> None:
    """A key is made with one, and another is given one."""
    state = folded(3)
    made, edited, neither = (state.subscriber_key(key_id(number)) for number in (7, 6, 1))
    assert isinstance(made, ActiveSubscriberKey)
    assert isinstance(edited, ActiveSubscriberKey)
    assert isinstance(neither, ActiveSubscriberKey)
    assert made.rate_limit == RateLimit(requests=5, per_s=1, burst=5)
    assert edited.rate_limit == RateLimit(requests=100, per_s=60, burst=200)
    assert neither.rate_limit is None


@VERSIONS
def test_bringing_up_to_date_leaves_the_row_as_it_was(version: int) -> None:
    """The data that is handed over is not written into."""
    for row, _ in rows_of(version):
        data = orjson.loads(row.data)
        upcast(row.type, version, data)
        assert orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode() == row.data


def old_data(name: str, version: int) -> str:
    """Return the data of such an event of a version, with an expiry where it may have one."""
    found = [row.data for row, _ in rows_of(version) if row.type == name]
    return next((data for data in found if '"expires_at":"' in data), found[0])


BAD_TIMES: list[object] = [5, True, "", "2026-03-01", "2026-03-01T09:30:00Z", [], {}]
TOO_EARLY, TOO_LATE = "0001-01-10T00:00:00.000000Z", "9999-06-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        *[
            (f"keyfold.subscriber_key.{what}", "expires_at", value)
            for what in ("created", "expiry_changed")
            for value in (*BAD_TIMES, TOO_EARLY)
        ],
        *[("keyfold.vendor.reviewed", "reviewed_at", value) for value in (*BAD_TIMES, None, TOO_LATE)],
    ],
)
def test_malformed_old_data_is_unknown(name: str, field: str, value: object) -> None:
    """A field that no such event held, or a date out of all range, stops this code as a new one does."""
    data: dict[str, Any] = orjson.loads(old_data(name, 1))
    with pytest.raises(UnknownEvent, match=name):
        decode_event(name, 1, orjson.dumps({**data, field: value}))


@pytest.mark.parametrize(("name", "version"), UPCASTERS)
def test_old_data_that_lacks_a_field_or_has_a_newer_one_is_unknown(name: str, version: int) -> None:
    """An event of a version is what that version wrote, no less and no more."""
    data: dict[str, Any] = orjson.loads(old_data(name, version))
    newer = upcast(name, version, data).keys() - data.keys()
    assert newer
    for less in data:
        with pytest.raises(UnknownEvent):
            decode_event(name, version, orjson.dumps({key: data[key] for key in data if key != less}))
    for more in (*newer, "more"):
        with pytest.raises(UnknownEvent):
            decode_event(name, version, orjson.dumps({**data, more: None}))


@pytest.mark.parametrize(("name", "version"), UPCASTERS)
@pytest.mark.parametrize("data", ["", "null", "1", "[]", '"x"', "{", "{}", "[1]", b"\xff"])
def test_old_data_that_is_no_event_is_unknown(name: str, version: int, data: str | bytes) -> None:
    """What is no JSON object is none in any version."""
    with pytest.raises(UnknownEvent, match=name):
        decode_event(name, version, data)


@pytest.mark.parametrize(("name", "version"), UPCASTERS)
def test_an_event_of_another_version_is_unknown(name: str, version: int) -> None:
    """Old data is not taken for new, nor new data for old."""
    with pytest.raises(UnknownEvent):
        decode_event(name, version + 1, old_data(name, version))
    today = encode_event(decode_event(name, version, old_data(name, version)))[1]
    with pytest.raises(UnknownEvent):
        decode_event(name, version, today)


def test_what_version_4_says_of_who_signs_in() -> None:
    """One was let in by an invitation and shut out again, one applied for a vendor."""
    bound = [event for event in events_of(4) if isinstance(event, LoginBound)]
    assert [(each.subject, each.account_id, each.vendor_id, each.invitation_id) for each in bound] == [
        ("anna-1", account_id(1), None, invitation_id(1)),
        ("anna-4", None, vendor_id(3), None),
    ]
    [ended] = [event for event in events_of(4) if isinstance(event, LoginEnded)]
    assert ended.login_id == bound[0].login_id
