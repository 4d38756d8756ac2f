"""A key's form: what was typed is kept, faults are shown beside their fields, the rest becomes terms."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from multidict import MultiDict

from keyfold.console.owner.terms.form import KeyForm, faults_of
from keyfold.console.owner.terms.terms import KeyTerms
from keyfold.console.upstream.failures import Away, ServiceRefused, TooMany

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)  # the first of December already, in Berlin
RIGHT = {"name": "Recall", "vendor": "ven_1"}


def _form(**typed: str) -> KeyForm:
    return KeyForm.read(
        MultiDict({**RIGHT, **{name.replace("__", "-"): text for name, text in typed.items()}})
    )


def _faults(**typed: str) -> dict[str, str]:
    return _form(**typed).faults(NOW, BERLIN)


def test_goes_through_its_fields_unchanged() -> None:
    """A form goes from step to step and back without any loss."""
    typed = MultiDict(
        {"name": "A <b>", "who": "these", "expires": "2027-06-01", "networks": "10.0.0.0/8\n2001:db8::/32"}
    )
    typed.extend({"requests": "5", "per_s": "60", "burst": "9", "may-clinical": "write", "may-files": "read"})
    typed.extend([("vendor", "ven_1"), ("vendor", "ven_2")])
    read = KeyForm.read(typed)
    assert KeyForm.read(MultiDict(read.fields())) == read
    assert sorted(read.fields()) == sorted(typed.items())


def test_an_end_is_the_end_of_the_readers_day() -> None:
    """A key that expires on a day works to that day's last second where the owner lives, summer or winter."""
    for day, last_second in (
        ("2027-06-01", "2027-06-01T21:59:59+00:00"),
        ("2027-12-01", "2027-12-01T22:59:59+00:00"),
    ):
        assert _form(expires=day).terms(BERLIN).body()["expires_at"] == last_second


@pytest.mark.parametrize("day", ["2026-11-30", "2020-01-01"])
def test_a_day_that_is_over_is_refused(day: str) -> None:
    """Yesterday by the reader's calendar is refused, though it may not be over in UTC."""
    assert "over" in _faults(expires=day)["expires"]
    assert "expires" not in _faults(expires="2026-12-01")


@pytest.mark.parametrize("day", ["tomorrow", "2027-02-30", "20270230", "9999-99-99", "1", "2027-06-01T00:00"])
def test_what_is_no_day_is_refused(day: str) -> None:
    """Text that is not a day gets a fault beside the field, with an example of a day."""
    assert "such as 2027-06-01" in _faults(expires=day)["expires"]


def test_an_end_that_a_key_has_stays_to_the_second() -> None:
    """Editing another field does not move a key's end, and an end in the past does not prevent it."""
    ended = datetime(2026, 11, 2, 12, 34, 56, tzinfo=UTC)
    was = KeyTerms(
        name="Old", permissions={}, vendor_ids=None, networks=None, rate_limit=None, expires_at=ended
    )
    shown = KeyForm.of(was, BERLIN)
    assert shown.faults(NOW, BERLIN, was=was) == {}
    assert shown.terms(BERLIN, was=was).expires_at == ended


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "name"),
        (" \u200d ", "name"),
        ("x" * 201, "201"),
        ("a\u202eb", "U+202E"),
        ("kfs_live_0123456789abcdef", "secret"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(name: str, said: str) -> None:
    """A name that is blank, too long, invisible or a secret is refused before it gets into any address."""
    assert said in _faults(name=name)["name"]
    assert _faults(name="👩‍⚕️ <script> ענבל" + "x" * 100) == {}


def test_an_integration_is_chosen_or_any() -> None:
    """A key is for a named integration or, by choice, for any."""
    nobody = KeyForm.read(MultiDict({"name": "A"}))
    assert "Choose" in nobody.faults(NOW, BERLIN)["vendor"]
    anybody = KeyForm.read(MultiDict({"name": "A", "who": "any", "vendor": "ven_1"}))
    assert anybody.faults(NOW, BERLIN) == {}
    assert anybody.terms(BERLIN).vendor_ids is None


def test_what_is_no_id_is_no_integration() -> None:
    """Text put into the form by hand never becomes a part of a service's path."""
    assert _form(vendor="../../accounts").vendor_ids == ()


@pytest.mark.parametrize("network", ["10.0.0.1/8", "localhost", "10.0.0", "::1/129"])
def test_what_is_no_network_is_refused(network: str) -> None:
    """A network that is invalid is named, with examples of valid ones."""
    assert network in _faults(networks=f"192.0.2.0/24, {network}")["networks"]


def test_networks_are_written_one_way() -> None:
    """Networks may be typed in any form, between spaces, lines or commas, and each is named once."""
    typed = _form(networks=" 192.0.2.0/24,\n2001:DB8::/32 192.0.2.0/24 10.1.2.3 ")
    assert typed.terms(BERLIN).networks == ["192.0.2.0/24", "2001:db8::/32", "10.1.2.3/32"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"requests": "0", "per_s": "60"}, "requests"),
        ({"requests": "1e3", "per_s": "60"}, "requests"),
        ({"requests": "٣", "per_s": "60"}, "requests"),
        ({"requests": "5"}, "per_s"),
        ({"per_s": "60"}, "requests"),
        ({"burst": "60"}, "requests"),
        ({"requests": "5", "per_s": "86401"}, "per_s"),
        ({"requests": "9" * 5000, "per_s": "60"}, "requests"),
    ],
)
def test_half_a_limit_is_refused(typed: dict[str, str], field: str) -> None:
    """A limit out of bounds or not whole gets a fault beside the number that is wrong or missing."""
    assert list(_faults(**typed)) == [field]


def test_a_limit_lets_all_come_at_once_unless_it_says_otherwise() -> None:
    """A limit without a burst is completed as the registry does it, so that nothing seems to change."""
    limit = _form(requests="5", per_s="60").terms(BERLIN).rate_limit
    assert limit == {
        "requests": 5,
        "per_s": 60,
        "burst": 5,
    }


def test_an_access_that_there_is_not_is_none() -> None:
    """A radio button that was made by hand grants nothing."""
    assert _form(may__patient="admin").permissions["patient"] == "none"


def test_only_what_changed_is_sent() -> None:
    """An edit sends only what differs, so that somebody else's change is not undone by accident."""
    was = _form(may__patient="read", may__files="write").terms(BERLIN)
    becomes = _form(may__patient="write", may__files="write", expires="2027-06-01").terms(BERLIN)
    assert becomes.changes(was) == {
        "permissions": {"patient": "write"},
        "expires_at": "2027-06-01T21:59:59+00:00",
    }
    assert was.changes(was) == {}


def test_a_refusal_is_told_beside_its_field() -> None:
    """A fault that the registry finds, even deep inside a field, is shown beside that field."""
    wrongs = [
        {"pointer": "/networks/0", "detail": "it is odd"},
        {"pointer": "/rate_limit/per_s", "detail": "it is long"},
        {"pointer": "/vendor_ids/1", "detail": "it is none"},
    ]
    refused = ServiceRefused("registry", 422, {"type": "urn:keyfold:problem:bad-body", "errors": wrongs})
    assert faults_of(refused) == {"networks": "It is odd.", "per_s": "It is long.", "vendor": "It is none."}


@pytest.mark.parametrize(
    ("kind", "field"),
    [("unknown-vendors", "vendor"), ("expires-in-the-past", "expires"), ("too-many-keys", "")],
)
def test_a_refusal_of_the_whole_is_told_in_plain_words(kind: str, field: str) -> None:
    """A refusal by the registry is shown where it can be corrected, else for the whole form."""
    assert list(
        faults_of(ServiceRefused("registry", 409, {"type": f"urn:keyfold:problem:{kind}", "detail": "x"}))
    ) == [field]


def test_a_form_is_kept_where_nobody_answers() -> None:
    """A service that is away or busy loses no form: the page says what to do."""
    assert "3 seconds" in faults_of(TooMany("registry", {}, 3))[""]
    assert "nothing is done twice" in faults_of(Away("registry", "gone"))[""]
