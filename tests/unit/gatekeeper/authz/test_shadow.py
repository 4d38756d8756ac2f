"""Shadow mode: what a new route map would do otherwise is noted, bounded, and never told in an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from keyfold.domain.access.decision import PUBLIC, AccessRequest, Decision, decide_access
from keyfold.domain.access.key_proof import Presented
from keyfold.domain.access.route_map import MappedRequest, RouteMap
from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.domain.lifecycle.state import State
from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.authz.shadow import (
    DIFFERENCES_MAX,
    EXAMPLES_MAX,
    Becomes,
    Shadow,
    ShadowDifference,
)
from keyfold.wire.keys.format import KeyKind, MintedKey, read_key
from tests.support.gatekeeper.asked import asking
from tests.support.gatekeeper.practice import (
    EXPIRED_KEY,
    KEY,
    UNKNOWN_KEY,
    UNKNOWN_VENDOR_KEY,
    VENDOR_KEY,
    practice,
)
from tests.support.runtime.tokens import SetClock

OLD = parse_route_map("/v1/patient/{id} patient\n/v1/appointment/** appointment\n/v1/bill/** financial\n")


def present(kind: KeyKind, key: MintedKey) -> Presented:
    """Return a key as it is presented."""
    return read_key(kind, key.secret)


class Watched:
    """A gatekeeper's decisions, each watched by a shadow."""

    def __init__(self, new: str) -> None:
        self.clock = SetClock(practice_time())
        self.state = State()
        for event in practice():
            self.state.fold(event)
        self.shadow = Shadow(OLD, parse_route_map(new), self.clock)

    def decide(
        self,
        method: str,
        target: str | None,
        *,
        key: MintedKey = KEY,
        vendor_key: MintedKey = VENDOR_KEY,
        lease_held: bool = True,
    ) -> Decision:
        """Decide as the gatekeeper does, and let the shadow look on."""
        request = AccessRequest(
            vendor_key=present(KeyKind.VENDOR, vendor_key),
            subscriber_key=present(KeyKind.SUBSCRIBER, key),
            method=method,
            target=target,
            client_ip=None,
        )
        decision = decide_access(request, self.state, OLD, self.clock.now(), lease_held=lease_held)
        self.shadow.compare(request, decision, self.state)
        return decision

    def found(self) -> list[tuple[str, int | None, int | None, str]]:
        """Return each difference's method, lines and consequence."""
        return [(each.method, each.old.line, each.new.line, each.becomes) for each in self.shadow.differences]

    def only(self) -> ShadowDifference:
        """Return the one difference that there is."""
        (difference,) = self.shadow.differences
        return difference


def practice_time() -> datetime:
    """Return a time after the practice was made."""
    return SetClock().now() + timedelta(days=60)


def test_maps_that_agree_leave_nothing() -> None:
    """Lines may move, patterns be written otherwise: what counts is category and access."""
    watched = Watched("/v1/bill/{a} financial\n/v1/appointment/{x} appointment\n/v1/patient/** patient\n")
    for target in ("/v1/patient/7", "/v1/appointment/7", "/v1/bill/7", "/v9/x"):
        watched.decide("GET", target)
    assert (watched.shadow.compared, watched.shadow.differences) == (4, [])


def test_an_answer_that_would_change() -> None:
    """A path of another category, or a method of another access, is noted with what would become of it."""
    watched = Watched(
        "/v1/patient/{id} clinical\n/v1/appointment/** appointment GET=write\n/v1/bill/** patient\n"
    )
    watched.decide("GET", "/v1/patient/7")
    watched.decide("GET", "/v1/appointment/7")
    watched.decide("PUT", "/v1/bill/7")
    watched.decide("PUT", "/v1/appointment/7")
    assert watched.found() == [
        ("GET", 1, 1, "allow_to_deny"),
        ("GET", 2, 2, "allow_to_deny"),
        ("PUT", 3, 3, "deny_to_allow"),
    ]
    first = watched.shadow.differences[0]
    assert (first.old.category, first.new.category) == ("patient", "clinical")
    assert first.old.access is first.new.access
    assert first.old.pattern == "/v1/patient/{}"
    assert [each.examples for each in watched.shadow.differences] == [[], [], []]


def test_the_same_answer_for_another_reason() -> None:
    """Where the key makes the same answer of both maps, that is said; so is a key that opens nothing."""
    watched = Watched("/v1/patient/{id} appointment\n/v1/appointment/** appointment\n/v1/bill/** clinical\n")
    watched.decide("GET", "/v1/patient/7")
    watched.decide("GET", "/v1/bill/7")
    watched.decide("PUT", "/v1/patient/7", key=EXPIRED_KEY)
    assert {becomes for *_, becomes in watched.found()} == {"same_answer"}


def test_without_a_lease_the_answer_is_compared_as_if_there_were_one() -> None:
    """A passing outage of the ledger says nothing about a map."""
    watched = Watched("/v1/patient/{id} clinical\n/v1/appointment/** appointment\n/v1/bill/** financial\n")
    assert watched.decide("GET", "/v1/patient/7", lease_held=False).reason == "stale"
    assert watched.only().becomes is Becomes.ALLOW_TO_DENY


@pytest.mark.parametrize(
    ("target", "key", "vendor_key"),
    [
        (None, KEY, VENDOR_KEY),
        ("/v1/patient/../bill", KEY, VENDOR_KEY),
        ("/v1/patient/7", UNKNOWN_KEY, VENDOR_KEY),
        ("/v1/patient/7", KEY, UNKNOWN_VENDOR_KEY),
        ("/v1/patient/7", KEY, replace(VENDOR_KEY, secret="kfv_live_nonsense")),
    ],
)
def test_what_no_map_decides_is_not_compared(
    target: str | None, key: MintedKey, vendor_key: MintedKey
) -> None:
    """Requests that are not clear, and those of strangers, are none to compare."""
    watched = Watched("/v1/nothing patient\n")
    watched.decide("GET", target, key=key, vendor_key=vendor_key)
    assert (watched.shadow.compared, watched.shadow.differences) == (0, [])


def test_times_and_counts() -> None:
    """A difference that comes up again is one row, with how often and from when to when."""
    watched = Watched("/v1/patient/{id} clinical\n/v1/appointment/** appointment\n/v1/bill/** financial\n")
    first_at = watched.clock.at
    for _ in range(3):
        watched.decide("GET", "/v1/patient/7")
        watched.clock.at += timedelta(minutes=1)
    found = watched.only()
    assert (found.count, found.first_at, found.last_at) == (3, first_at, first_at + timedelta(minutes=2))


def test_examples_hold_no_number_and_no_secret() -> None:
    """Where one map lacks a path, its words are shown, and of whatever else only that it is there."""
    watched = Watched("/v1/patient/{id} patient\n/v1/appointment/{id} appointment\n")
    for target in (
        "/v1/appointment/1987-12-31/notes",
        "/v1/appointment/jane.doe/notes",
        f"/v1/appointment/{KEY.secret}/v2",
        "/v1/appointment/a/b",
        "/v1/appointment/c/d",
    ):
        watched.decide("GET", target)
    watched.decide("GET", "/v1/bill/7")
    appointments, bills = watched.shadow.differences
    assert appointments.examples == [
        "/v1/appointment/{}/notes",
        "/v1/appointment/{}/v2",
        "/v1/appointment/a/b",
    ]
    assert (appointments.count, EXAMPLES_MAX) == (5, 3)
    assert bills.examples == ["/v1/bill/{}"]


def test_the_path_of_a_plain_pattern_is_never_kept() -> None:
    """Where the pattern says all that there is to say, no example is kept."""
    watched = Watched("/v1/appointment/** appointment\n/v1/bill/** financial\n")
    watched.decide("GET", "/v1/patient/jane")
    assert (watched.only().old.pattern, watched.only().examples) == ("/v1/patient/{}", [])


def test_the_table_is_bounded() -> None:
    """However many methods a client makes up, the table has an end, and what does not fit is counted."""
    watched = Watched("/v1/patient/{id} clinical\n")
    for number in range(DIFFERENCES_MAX + 7):
        watched.decide("M" + "".join(chr(65 + int(digit)) for digit in str(number)), "/v1/patient/7")
    assert (len(watched.shadow.differences), watched.shadow.not_kept) == (DIFFERENCES_MAX, 7)


def test_every_difference_is_counted_under_one_of_three_names() -> None:
    """The metric has a sample for each thing that can become of a decision, from the start."""

    def counted() -> dict[str, float]:
        samples = next(iter(metrics.SHADOW_DIFFERENCES.collect())).samples
        return {each.labels["difference"]: each.value for each in samples if each.name.endswith("_total")}

    watched = Watched("/v1/patient/{id} clinical\n/v1/appointment/** appointment\n/v1/bill/** financial\n")
    before = counted()
    assert set(before) == {each.value for each in Becomes}
    watched.decide("GET", "/v1/patient/7")
    assert counted() == {**before, "allow_to_deny": before["allow_to_deny"] + 1}


def test_what_is_public_in_one_map_is_compared_for_everybody() -> None:
    """Whoever sends no key is let in, or no longer, and that is noted; strangers add nothing else."""
    watched = Watched("GET /v1/patient/{id} public\n/v1/appointment/** appointment\n/v1/bill/** financial\n")
    for _ in range(2):
        watched.decide("GET", "/v1/patient/7", key=UNKNOWN_KEY)
    watched.decide("GET", "/v1/patient/7")
    watched.decide("PUT", "/v1/patient/7", key=UNKNOWN_KEY)
    assert watched.found() == [("GET", 1, 1, "deny_to_allow"), ("GET", 1, 1, "same_answer")]
    back = Shadow(parse_route_map("GET /v1/patient/{id} public"), OLD, watched.clock)
    back.compare(AccessRequest(None, None, "GET", "/v1/patient/7", None), PUBLIC, watched.state)
    assert [each.becomes for each in back.differences] == [Becomes.ALLOW_TO_DENY]


def test_a_map_that_makes_requests_ambiguous() -> None:
    """A line that is nested under another takes its odd spellings away from both, and that is told."""
    watched = Watched(
        "/v1/patient/{id} patient\n/v1/patient/me clinical\n/v1/appointment/** appointment\n"
        "/v1/bill/** financial\n"
    )
    watched.decide("GET", "/v1/patient/ME")
    found = watched.only()
    assert (found.becomes, found.new.is_clear, found.new.line) == (Becomes.ALLOW_TO_DENY, False, None)


class _Broken(RouteMap):
    def read(self, method: str, target: str) -> MappedRequest:
        raise ZeroDivisionError(method, target)


def test_a_shadow_that_breaks_takes_nothing_with_it() -> None:
    """Whatever goes wrong in it, an answer goes on as if there were none; it stops, and says so."""
    watched = Watched("/v1/nothing patient\n")
    watched.shadow = Shadow(OLD, _Broken(()), watched.clock)
    assert watched.decide("GET", "/v1/patient/7").reason is None
    assert watched.decide("GET", "/v1/patient/7").reason is None
    assert (watched.shadow.is_running, watched.shadow.compared) == (False, 0)
    assert watched.shadow.differences == []


@pytest.fixture
def watched() -> Iterator[Watched]:
    """A shadow that has seen something."""
    watched = Watched("/v1/patient/{id} clinical\n/v1/appointment/** appointment\n")
    watched.decide("GET", "/v1/patient/7")
    for _ in range(2):
        watched.decide("GET", "/v1/bill/7/lines")
    yield watched


async def test_operators_read_what_was_found(watched: Watched, tmp_path: Path) -> None:
    """The changed answers come first, with what either map makes of the request."""
    async with asking(tmp_path, shadow=watched.shadow) as asked:
        status, answer = await asked.get("/v1/shadow")
        assert (status, answer["running"], answer["compared"], answer["not_kept"]) == (200, True, 3, 0)
        changed, same = answer["items"]
        mapped = {"line": 1, "pattern": "/v1/patient/{}", "access": "read", "ambiguous": False}
        assert changed == {
            "method": "GET",
            "old": {**mapped, "category": "patient"},
            "new": {**mapped, "category": "clinical"},
            "becomes": "allow_to_deny",
            "count": 1,
            "first_at": answer["since"],
            "last_at": answer["since"],
            "examples": [],
        }
        assert same["new"] == {**dict.fromkeys((*mapped, "category")), "ambiguous": False}
        assert same["examples"] == ["/v1/bill/{}/lines"]
        assert (await asked.get("/v1/shadow", "gateway"))[0] == 403


async def test_without_a_shadow(tmp_path: Path) -> None:
    """Where shadow mode is off it says so."""
    async with asking(tmp_path) as asked:
        assert await asked.get("/v1/shadow") == (
            200,
            {"running": False, "since": None, "compared": 0, "not_kept": 0, "items": []},
        )
