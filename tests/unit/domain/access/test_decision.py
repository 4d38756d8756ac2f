"""A decision: one reason each, the earliest of those that hold, and only proven keys are named."""

from datetime import timedelta
from itertools import chain, combinations

import pytest
from msgspec import structs
from msgspec.structs import replace

from keyfold.domain.access.decision import UNRECOGNISED, Decision, Reason, decide_access
from keyfold.domain.access.key_proof import MALFORMED, Presented
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.permissions import CATEGORIES, Access, Category, Permissions
from tests.support.domain.deciding import (
    ALLOWED,
    CREDENTIAL,
    REQUEST,
    ROUTES,
    VENDOR_CREDENTIAL,
    WRONG,
    decide_with,
    reason_with,
    request_with,
)
from tests.support.domain.given import (
    APPLIED,
    KEY,
    NOW,
    REJECTED,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    SUSPENDED,
)

IN_ORDER = (
    "missing_vendor_key",
    "missing_subscriber_key",
    "malformed_key",
    "unknown_vendor_key",
    "unknown_subscriber_key",
    "vendor_key_replaced",
    "subscriber_key_replaced",
    "vendor_key_revoked",
    "vendor_suspended",
    "subscriber_key_revoked",
    "subscriber_key_expired",
    "network_not_allowed",
    "integrations_disabled",
    "vendor_not_permitted",
    "ambiguous_request",
    "unmapped_route",
    "category_denied",
    "read_only",
    "stale",
    "rate_limited",
)
DECIDED = tuple(Reason(reason) for reason in IN_ORDER[:-1])
"""The reasons of the decision itself; the last is of who counts, and asked about an allow alone."""


def test_a_request_without_a_fault_is_allowed() -> None:
    """Allow names the account, both keys, the vendor, and what was asked for."""
    assert decide_with() == ALLOWED


def test_the_reasons_stand_in_their_order() -> None:
    """The order of the reasons is the order of the checks."""
    assert tuple(Reason) == IN_ORDER


@pytest.mark.parametrize("reason", DECIDED)
def test_each_fault_alone_gives_its_reason(reason: Reason) -> None:
    """Every reason can be given, each by one fault."""
    assert reason_with({reason}) is reason


def test_of_any_faults_the_earliest_is_given() -> None:
    """Whichever faults hold at once, exactly one reason is given: the first in the order."""
    for faults in chain(combinations(DECIDED, 2), combinations(DECIDED, 3), [DECIDED]):
        first = min(faults, key=lambda reason: IN_ORDER.index(reason))
        assert reason_with(set(faults)) is first, faults


def test_what_proves_no_key() -> None:
    """A request is recognised when both its keys are there and in force; whatever else it lacks is later."""
    assert set(IN_ORDER[:11]) == UNRECOGNISED


@pytest.mark.parametrize(
    ("vendor_key", "subscriber_key"), [(MALFORMED, CREDENTIAL), (VENDOR_CREDENTIAL, MALFORMED)]
)
def test_a_malformed_key_is_told_of_either_header(vendor_key: Presented, subscriber_key: Presented) -> None:
    """One malformed key is enough, whichever it is."""
    request = structs.replace(REQUEST, vendor_key=vendor_key, subscriber_key=subscriber_key)
    assert decide_with(request).reason is Reason.MALFORMED_KEY


@pytest.mark.parametrize(
    ("other", "reasons"),
    [
        (None, (Reason.MISSING_SUBSCRIBER_KEY, Reason.MISSING_VENDOR_KEY)),
        (MALFORMED, (Reason.MALFORMED_KEY, Reason.MALFORMED_KEY)),
    ],
)
def test_one_key_alone_is_named_where_it_is_proven(other: Presented, reasons: tuple[Reason, Reason]) -> None:
    """A developer sees that its request lacked the practice's key, and an owner that its key was used without
    a vendor's: what was asked for is told too.
    """
    of_vendor = decide_with(structs.replace(REQUEST, subscriber_key=other))
    assert of_vendor == structs.replace(ALLOWED, reason=reasons[0], account_id=None, key_id=None)
    of_owner = decide_with(structs.replace(REQUEST, vendor_key=other))
    assert of_owner == structs.replace(ALLOWED, reason=reasons[1], vendor_id=None, vendor_key_id=None)


@pytest.mark.parametrize("other", [None, MALFORMED])
def test_one_key_alone_with_a_wrong_secret_names_nobody(other: Presented) -> None:
    """Whoever merely knows the id of a key is nobody, and asks for nothing."""
    reason = Reason.MALFORMED_KEY if other is MALFORMED else Reason.MISSING_SUBSCRIBER_KEY
    wrong = structs.replace(VENDOR_CREDENTIAL, digest=WRONG)
    decision = decide_with(structs.replace(REQUEST, vendor_key=wrong, subscriber_key=other))
    assert decision == Decision(reason=reason)


def test_an_id_with_a_wrong_secret_attributes_nothing() -> None:
    """Who merely names a key is not logged as its holder: only what is proven is named."""
    nobody = decide_with(request_with({Reason.UNKNOWN_VENDOR_KEY, Reason.UNKNOWN_SUBSCRIBER_KEY}))
    assert nobody == Decision(
        reason=Reason.UNKNOWN_VENDOR_KEY, category=ALLOWED.category, access=ALLOWED.access
    )
    only_subscriber = decide_with(request_with({Reason.UNKNOWN_VENDOR_KEY}))
    assert only_subscriber == structs.replace(
        ALLOWED, reason=Reason.UNKNOWN_VENDOR_KEY, vendor_id=None, vendor_key_id=None
    )
    only_vendor = decide_with(request_with({Reason.UNKNOWN_SUBSCRIBER_KEY}))
    assert only_vendor == structs.replace(
        ALLOWED, reason=Reason.UNKNOWN_SUBSCRIBER_KEY, account_id=None, key_id=None
    )


def test_a_swapped_pair_attributes_nothing() -> None:
    """A subscriber key is no vendor key and the other way round, with the right secrets too."""
    swapped = structs.replace(REQUEST, vendor_key=CREDENTIAL, subscriber_key=VENDOR_CREDENTIAL)
    decision = decide_with(swapped)
    assert decision.reason is Reason.UNKNOWN_VENDOR_KEY
    assert (decision.key_id, decision.vendor_key_id) == (None, None)


def test_a_revoked_key_is_still_attributed() -> None:
    """Who uses a revoked key can be told."""
    decision = decide_with(key=REVOKED_KEY, vendor_key=REVOKED_VENDOR_KEY)
    assert decision == structs.replace(ALLOWED, reason=Reason.VENDOR_KEY_REVOKED, is_dead=True)


@pytest.mark.parametrize("vendor", [APPLIED, REJECTED, SUSPENDED])
def test_only_an_approved_vendor_passes(vendor: Vendor) -> None:
    """Whatever else a vendor is, its keys do not work."""
    assert decide_with(vendor=vendor).reason is Reason.VENDOR_SUSPENDED


def test_a_key_stops_at_the_instant_it_expires() -> None:
    """One microsecond before, the key works; at the instant, it does not."""
    key = replace(KEY, expires_at=NOW)
    assert decide_with(key=key, now=NOW - timedelta(microseconds=1)).reason is None
    assert decide_with(key=key, now=NOW).reason is Reason.SUBSCRIBER_KEY_EXPIRED


def test_a_key_for_no_vendor_permits_none() -> None:
    """An empty list of vendors is a list, not the absence of one."""
    assert decide_with(key=replace(KEY, vendor_ids=())).reason is Reason.VENDOR_NOT_PERMITTED


@pytest.mark.parametrize("target", [None, "", "/v1/appointment/../patient/1", "/v1/appointment%2F7"])
def test_a_path_that_can_be_read_in_two_ways_is_ambiguous(target: str | None) -> None:
    """What does not normalise has neither category nor access, and is denied."""
    decision = decide_with(structs.replace(REQUEST, target=target))
    assert decision == structs.replace(ALLOWED, reason=Reason.AMBIGUOUS_REQUEST, category=None, access=None)


@pytest.mark.parametrize(
    ("granted", "method", "reason"),
    [
        (Access.NONE, "GET", Reason.CATEGORY_DENIED),
        (Access.NONE, "PUT", Reason.CATEGORY_DENIED),
        (Access.READ, "GET", None),
        (Access.READ, "HEAD", None),
        (Access.READ, "POST", None),
        (Access.READ, "PUT", Reason.READ_ONLY),
        (Access.READ, "OPTIONS", Reason.READ_ONLY),
        (Access.READ, "get", Reason.READ_ONLY),
        (Access.WRITE, "GET", None),
        (Access.WRITE, "PUT", None),
    ],
)
def test_a_permission_covers_what_it_includes(granted: Access, method: str, reason: Reason | None) -> None:
    """Write includes read, none includes nothing; a route's exception counts; methods are case-sensitive."""
    key = replace(KEY, permissions=Permissions.of({Category.APPOINTMENT: granted}))
    assert decide_with(structs.replace(REQUEST, method=method), key=key).reason is reason


def test_only_the_routes_own_category_counts() -> None:
    """Everything but the category asked for is not enough."""
    granted = dict.fromkeys(CATEGORIES, Access.WRITE) | {Category.APPOINTMENT: Access.NONE}
    assert decide_with(key=replace(KEY, permissions=Permissions.of(granted))).reason is Reason.CATEGORY_DENIED


@pytest.mark.parametrize("reason", list(Reason)[:3])
@pytest.mark.parametrize("lease_held", [True, False])
def test_without_a_state_what_the_headers_tell_is_still_told(reason: Reason, lease_held: bool) -> None:
    """A missing or malformed key needs no state; nothing else is known, so the rest is stale."""
    broken = decide_access(request_with({reason}), None, ROUTES, NOW, lease_held=lease_held)
    assert broken == Decision(reason=reason)
    whole = decide_access(REQUEST, None, ROUTES, NOW, lease_held=lease_held)
    assert whole == Decision(reason=Reason.STALE)


def test_a_lost_lease_turns_an_allow_into_stale_and_nothing_else() -> None:
    """Without a lease a denial stays what it is, and an allow keeps its attribution."""
    assert decide_with(lease_held=False) == structs.replace(ALLOWED, reason=Reason.STALE)
    for reason in list(Reason)[:-1]:
        assert reason_with({reason, Reason.STALE}) is reason


def test_an_empty_state_knows_no_key() -> None:
    """A ledger without events denies every key as unknown."""
    assert decide_access(REQUEST, State(), ROUTES, NOW, lease_held=True).reason is Reason.UNKNOWN_VENDOR_KEY
