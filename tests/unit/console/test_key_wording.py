"""A key in sentences: they are true, read once, and no name in them can do anything."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from keyfold.console import words
from keyfold.console.owner.keys.history import happening
from keyfold.console.owner.keys.trying import TryForm, answer
from keyfold.console.owner.terms.differences import count_refused, differences
from keyfold.console.owner.terms.terms import KeyTerms
from keyfold.console.owner.terms.wording import (
    describe_limit,
    describe_permissions,
    describe_state,
    describe_use,
    summarise,
)

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NAMES = {"ven_1": "Recall Reminders", "ven_2": "<b>B</b>"}
END = datetime(2027, 6, 1, 22, 59, 59, tzinfo=UTC)


def _terms(**changed: Any) -> KeyTerms:
    granted = dict.fromkeys(words.CATEGORIES, "none") | changed.pop("may", {})
    plain = {
        "name": "Recall",
        "vendor_ids": ["ven_1"],
        "networks": None,
        "rate_limit": None,
        "expires_at": None,
    }
    return KeyTerms(permissions=granted, **{**plain, **changed})


def _key(**changed: Any) -> dict[str, Any]:
    plain = {"state": "active", "expires_at": None, "old_secret_works_until": None, "revoked_at": None}
    return {**plain, **changed}


def test_a_summary_is_a_sentence() -> None:
    """Whoever makes a key reads in a sentence what it will let whom do, and until when."""
    made = _terms(may={"patient": "read", "appointment": "write"}, expires_at=END)
    (sentence,) = summarise(made, NAMES, LONDON)
    assert sentence == (
        "<bdi>Recall Reminders</bdi> will be able to read patients and change appointments,"
        " until 1 June 2027."
    )


def test_a_summary_says_what_bounds_a_key() -> None:
    """That a key has no end, a network or a limit is a sentence of its own."""
    bound = _terms(
        vendor_ids=None, networks=["192.0.2.0/24"], rate_limit={"requests": 100, "per_s": 60, "burst": 200}
    )
    assert summarise(bound, NAMES, LONDON) == [
        "Any approved integration will be able to do nothing yet.",
        "The key has no end: it works until you revoke it.",
        "It will work from 192.0.2.0/24 alone.",
        "It may be used for 100 requests a minute, up to 200 at once.",
    ]


def test_no_name_is_markup() -> None:
    """A name with markup is shown as it is written, in an element of its own."""
    said = summarise(_terms(vendor_ids=["ven_1", "ven_2", "ven_3"]), NAMES, LONDON)[0]
    assert "<bdi>&lt;b&gt;B&lt;/b&gt;</bdi> and an integration whose name is not known (ven_3)" in said
    renamed = differences(_terms(), _terms(name="<i>"), NAMES, LONDON)
    assert renamed == ["Its name changes from <bdi>Recall</bdi> to <bdi>&lt;i&gt;</bdi>."]


@pytest.mark.parametrize(
    ("may", "said"),
    [
        ({}, ""),
        ({"patient": "read"}, "read patients"),
        ({"patient": "read", "files": "write"}, "read patients and change files"),
        (
            {"contact": "read", "patient": "read", "files": "write"},
            "read contacts and patients, and change files",
        ),
        ({"later": "read"}, "read later"),
    ],
)
def test_permissions_are_read_once(may: dict[str, str], said: str) -> None:
    """What may be read and what may be changed cannot be confused."""
    assert describe_permissions(may) == said


def test_an_end_within_a_day_is_told_to_the_minute() -> None:
    """A key that ends within a day, which this page cannot set, shows the minute, not only the day."""
    said = summarise(_terms(expires_at=datetime(2027, 6, 1, 13, 3, tzinfo=UTC)), NAMES, LONDON)[0]
    assert said.endswith(", until 1 June 2027, 14:03.")


def test_each_difference_is_a_sentence() -> None:
    """Whoever edits a key reads each change, with what it was before, before saving."""
    was = _terms(may={"patient": "write", "files": "read"}, vendor_ids=["ven_1"], expires_at=END)
    becomes = _terms(
        may={"patient": "read", "clinical": "write"},
        vendor_ids=["ven_2"],
        networks=["10.0.0.0/8"],
        rate_limit={"requests": 1, "per_s": 3600, "burst": 1},
    )
    assert differences(was, becomes, NAMES, LONDON) == [
        "It will be able to read and change clinical notes; so far it could do neither.",
        "It will no longer be able to read files.",
        "It will no longer be able to change patients, only read them.",
        "<bdi>&lt;b&gt;B&lt;/b&gt;</bdi> may use it too.",
        "<bdi>Recall Reminders</bdi> may no longer use it.",
        "It will work from 10.0.0.0/8; so far from anywhere.",
        "It may be used: 1 request an hour; so far: as often as the platform allows.",
        "It has no end; so far it ends on 1 June 2027.",
    ]
    assert differences(was, was, NAMES, LONDON) == []


def test_every_change_of_a_permission_has_a_sentence() -> None:
    """Every difference in access has a sentence."""
    for before in words.ACCESSES:
        for after in words.ACCESSES:
            said = differences(_terms(may={"files": before}), _terms(may={"files": after}), NAMES, LONDON)
            assert len(said) == (before != after)


def test_what_would_have_been_refused_is_counted() -> None:
    """Requests that passed are counted if the key would no longer allow their data or integration."""
    passed = [
        {"vendor_id": "ven_1", "category": "patient", "access": "read", "requests": 100},
        {"vendor_id": "ven_1", "category": "patient", "access": "write", "requests": 20},
        {"vendor_id": "ven_2", "category": "patient", "access": "read", "requests": 3},
    ]
    assert count_refused(passed, _terms(may={"patient": "read"})) == 23
    assert count_refused(passed, _terms(may={"patient": "write"}, vendor_ids=None)) == 0
    assert count_refused(passed, _terms()) == 123


@pytest.mark.parametrize(
    ("changed", "is_on", "word", "said"),
    [
        ({}, True, "Active", ""),
        ({}, False, "Off", "API integrations are off"),
        ({"expires_at": "2026-12-07T11:59:59Z"}, True, "Expires soon", "Expires soon, on 7 December 2026"),
        ({"expires_at": "2026-12-08T11:59:59Z"}, True, "Active", "Expires on 8 December 2026"),
        (
            {"expires_at": "2026-11-01T23:59:59Z", "state": "expired"},
            False,
            "Expired",
            "Expired on 1 November 2026.",
        ),
        ({"old_secret_works_until": "2026-12-01T12:00:00Z"}, True, "Active", "Two secrets work"),
        ({"revoked_at": "2026-11-01T12:00:00Z", "state": "revoked"}, False, "Revoked", "for ever"),
    ],
)
def test_each_state_of_a_key_is_said(changed: dict[str, Any], is_on: bool, word: str, said: str) -> None:
    """Every state of a key has a word, and a sentence that explains it."""
    found = describe_state(_key(**changed), is_on=is_on, now=NOW, zone=LONDON)
    assert (found.word, said in " ".join(found.said)) == (word, True)


@pytest.mark.parametrize(
    ("count", "most", "is_young", "said"),
    [
        (412, "write", False, "used 412 times in 30 days"),
        (1, "read", False, "used 1 time in 30 days, to read alone"),
        (0, "none", True, "never used"),
        (0, "none", False, "not used in 30 days"),
        (0, None, True, "not known"),
        (None, "none", True, "not known"),
    ],
)
def test_unknown_use_is_never_called_none(
    count: int | None, most: str | None, is_young: bool, said: str
) -> None:
    """A permission is called unused only if that is known."""
    assert describe_use("write", count, most, is_young=is_young) == said


def test_a_limit_is_told_in_a_readers_units() -> None:
    """A limit is told by the minute, hour or day where it is one, and in seconds otherwise."""
    assert describe_limit({"requests": 5, "per_s": 86_400, "burst": 5}) == "5 requests a day"
    assert (
        describe_limit({"requests": 1, "per_s": 90, "burst": 7}) == "1 request in 90 seconds, up to 7 at once"
    )


def _decided(**changed: Any) -> dict[str, Any]:
    plain = {
        "decision": "deny",
        "reason": None,
        "category": "clinical",
        "access": "write",
        "vendor_id": "ven_1",
    }
    return {**plain, "changes": [], **changed}


@pytest.mark.parametrize(
    ("check", "by", "said", "who"),
    [
        ("category_denied", "owner", "Give the key Write for Clinical notes.", "You"),
        ("vendor_not_permitted", "owner", "Let <bdi>Recall Reminders</bdi> use the key.", "You"),
        (
            "network_not_allowed",
            "caller",
            "Say which address it comes from: the key works from some",
            "Whoever sends",
        ),
        ("unmapped_route", "operator", "as &lt;it&gt; was said", "The platform&#39;s operators"),
    ],
)
def test_a_dry_run_says_what_to_change_and_who_can(check: str, by: str, said: str, who: str) -> None:
    """A refusal comes with each required change, in plain words, and who can make it."""
    change = {"check": check, "change": "as <it> was said", "by": by}
    told = answer(_decided(reason=check, changes=[change]), NAMES).remedies[0]
    assert told.change.startswith(said)
    assert told.by.startswith(who.replace("&#39;", "'"))


def test_a_dry_run_asks_of_a_path_or_of_data() -> None:
    """A question names a path or a kind of data, never both."""
    by_path = TryForm.read({"try-vendor": "ven_1", "try-path": "/v1/note/7"}).question("key_1")
    assert {"method", "path"} <= by_path.keys() and "category" not in by_path
    by_data = TryForm.read({"try-vendor": "ven_1"}).question("key_1")
    assert {"category", "access"} <= by_data.keys() and "path" not in by_data


def test_history_is_told_in_the_pages_words() -> None:
    """A change reads as the page writes the same thing, with names for ids, and without unchanged fields."""
    item = {
        "at": "2026-11-30T12:00:00Z",
        "summary": "Key created",
        "reason": None,
        "actor": {"role": "owner", "subject": "olga"},
        "changes": [
            {"field": "permissions.clinical", "before": None, "after": "write"},
            {"field": "permissions.files", "before": None, "after": "none"},
            {"field": "vendor_ids", "before": None, "after": ["ven_1"]},
            {"field": "expires_at", "before": None, "after": "2027-06-01T22:59:59Z"},
        ],
    }
    told = happening(item, NAMES, LONDON)
    assert told.actor == "olga (owner)"
    assert [(each.field, each.after) for each in told.changes] == [
        ("Clinical notes", "Write"),
        ("Integrations", "<bdi>Recall Reminders</bdi>"),
        ("Expires", "1 June 2027"),
    ]


def test_the_clock_is_called_what_it_is() -> None:
    """A change that time alone made is shown as Keyfold's own."""
    item: dict[str, Any] = {
        "at": "",
        "summary": "",
        "reason": None,
        "actor": {"role": "keyfold", "subject": "timekeeper"},
        "changes": [],
    }
    assert happening(item, {}, LONDON).actor == "Keyfold itself"
