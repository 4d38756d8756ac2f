"""Floods: what proves no key, or a dead one, is counted past a rate, exactly; all else is an event each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.gatekeeper.authz.denial_aggregation import SOURCES_MAX
from keyfold.gatekeeper.settings import ClientIpKept
from keyfold.wire.journal.counted_slots import SLOT_BYTES, SLOTS_MAX
from keyfold.wire.journal.files import COUNTED
from keyfold.wire.keys.format import KeyKind
from tests.support.gatekeeper.flooded import (
    MANY,
    PER_S,
    SECOND,
    decision_id_of,
    known,
    malformed,
    missing,
    only_counted,
    read_shipped,
    requests,
    run_flooded,
)
from tests.support.gatekeeper.heart import NGINX_TOKEN, POLICY, reason_of, with_fields
from tests.support.gatekeeper.practice import (
    ACCOUNT,
    KEY,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    UNKNOWN_KEY,
    UNKNOWN_VENDOR_KEY,
    VENDOR_KEY,
    mint_again,
    rotated,
)


async def test_a_flood_is_one_event_a_second(tmp_path: Path) -> None:
    """Up to the rate each request is an event, and all beyond it are one, which says how many they are."""
    with run_flooded(tmp_path) as bed:
        await bed.flood(MANY, malformed())
        bed.second()
        await bed.flood(MANY, malformed())
        bed.second()
        assert bed.answered() == 2 * MANY
    events = read_shipped(tmp_path)
    assert [event.requests for event in events] == [1] * PER_S + [MANY - PER_S] + [1] * PER_S + [MANY - PER_S]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_what_a_counted_event_says(tmp_path: Path) -> None:
    """It says when, by which gateway, from which network and why, and of a request nothing."""
    with run_flooded(tmp_path) as bed:
        at = bed.heart.clock.now()
        await bed.flood(MANY, malformed(7))
        bed.second()
    *_, event = read_shipped(tmp_path)
    assert event == AccessEvent(
        event_id=event.event_id,
        at=at,
        account_id=None,
        key_id=None,
        vendor_id=None,
        vendor_key_id=None,
        category=None,
        access=None,
        method="*",
        path="/**",
        reason=Reason.MALFORMED_KEY,
        position=event.position,
        gateway="caddy",
        client_ip="198.51.7.0/24",
        gatekeeper="run",
        seq=PER_S + 1,
        traceparent=None,
        requests=MANY - PER_S,
    )
    assert event.position > 0


async def test_the_answer_names_the_event_that_counts_it(tmp_path: Path) -> None:
    """A denial's id is found in the log, whether the request is an event by itself or one of many."""
    with run_flooded(tmp_path) as bed:
        answers = [decision_id_of(each) for each in await bed.flood(MANY, malformed())]
    assert Counter(answers) == {event.event_id: event.requests for event in read_shipped(tmp_path)}


async def test_counted_requests_are_answered_as_any(tmp_path: Path) -> None:
    """But for the id, an answer does not tell whether its request was counted."""
    with run_flooded(tmp_path) as bed:
        first, *_, last = await bed.flood(MANY, malformed())
        (plain,), (of_many,) = first.answers, last.answers
        assert of_many.body == plain.body.replace(
            decision_id_of(first).encode(), decision_id_of(last).encode()
        )
        assert of_many.head == plain.head.replace(decision_id_of(first), decision_id_of(last))


async def test_sources_are_counted_apart(tmp_path: Path) -> None:
    """Another network, another reason, another gateway: each has its own rate and its own count."""
    nginx = with_fields(
        x_gateway_token=[NGINX_TOKEN], x_api_key=["no key"], a_api_key=["no key"], x_real_ip=["198.51.0.7"]
    )
    with run_flooded(tmp_path) as bed:
        for fields in (malformed(1), malformed(2), missing(1), nginx):
            await bed.flood(MANY, fields)
    assert Counter(
        (event.gateway, event.client_ip, event.reason) for event in only_counted(read_shipped(tmp_path))
    ) == {
        ("caddy", "198.51.1.0/24", Reason.MALFORMED_KEY): 1,
        ("caddy", "198.51.2.0/24", Reason.MALFORMED_KEY): 1,
        ("caddy", "198.51.1.0/24", Reason.MISSING_VENDOR_KEY): 1,
        ("nginx", "198.51.0.0/24", Reason.MALFORMED_KEY): 1,
    }


@pytest.mark.parametrize(
    ("vendor_key", "key", "is_counted"),
    [
        (None, None, True),
        (None, KEY.secret, False),
        (VENDOR_KEY.secret, None, False),
        ("no key", "no key", True),
        ("no key", KEY.secret, False),
        (VENDOR_KEY.secret, "no key", False),
        (UNKNOWN_VENDOR_KEY.secret, UNKNOWN_KEY.secret, True),
        (UNKNOWN_VENDOR_KEY.secret, None, True),
        (None, REVOKED_KEY.secret, True),
        (REVOKED_VENDOR_KEY.secret, None, True),
        (REVOKED_VENDOR_KEY.secret, KEY.secret, True),
        (VENDOR_KEY.secret, REVOKED_KEY.secret, True),
        (REVOKED_VENDOR_KEY.secret, UNKNOWN_KEY.secret, True),
        (UNKNOWN_VENDOR_KEY.secret, KEY.secret, False),
        (VENDOR_KEY.secret, UNKNOWN_KEY.secret, False),
        (VENDOR_KEY.secret, KEY.secret, False),
    ],
)
async def test_only_what_proves_no_key_that_works_is_counted(
    tmp_path: Path, vendor_key: str | None, key: str | None, is_counted: bool
) -> None:
    """Whoever proves a key has an event for each request, but for dead keys, and denials because of one."""
    fields = {
        **{name: values for name, values in known().items() if name not in ("x-api-key", "a-api-key")},
        **({} if vendor_key is None else {"x-api-key": [vendor_key]}),
        **({} if key is None else {"a-api-key": [key]}),
    }
    with run_flooded(tmp_path) as bed:
        await bed.flood(MANY, fields)
    assert len(read_shipped(tmp_path)) == (PER_S + 1 if is_counted else MANY)


async def test_an_old_secret_cannot_fill_its_owners_log(tmp_path: Path) -> None:
    """Past the rate it is counted, from however many networks, in an event of the account and the key."""
    with run_flooded(tmp_path) as bed:
        bed.heart.fold(rotated(mint_again(KeyKind.SUBSCRIBER, KEY)))
        for network in range(MANY):
            bed.ask(known(network))
        await bed.flood(0, known())
        assert {reason_of(each.answers[0]) for each in bed.asked} == {"subscriber_key_replaced"}
    events = read_shipped(tmp_path)
    assert [event.requests for event in events] == [1] * PER_S + [MANY - PER_S]
    assert {(event.account_id, event.key_id, event.reason) for event in events} == {
        (ACCOUNT, KEY.key_id, Reason.SUBSCRIBER_KEY_REPLACED)
    }
    assert [event.client_ip for event in events[:-1]] == ["198.51.0.7", "198.51.1.7"]
    assert events[-1].client_ip is None


async def test_while_no_state_is_loaded_nobody_is_a_stranger(tmp_path: Path) -> None:
    """Denials because nothing is known yet are events, each: the keys may well be known."""
    with run_flooded(tmp_path) as bed:
        bed.heart.lease.proven_s = None
        await bed.flood(MANY, known())
        assert {reason_of(each.answers[0]) for each in bed.asked} == {"stale"}
    assert len(read_shipped(tmp_path)) == MANY


async def test_known_keys_in_the_middle_of_a_flood_are_an_event_each(tmp_path: Path) -> None:
    """What a flood is counted with touches nobody else's record."""
    with run_flooded(tmp_path) as bed:
        for _ in range(5):
            for fields in (malformed(), known(), malformed(), missing()):
                bed.ask(fields)
        await bed.flood(1, known())
    events = read_shipped(tmp_path)
    assert [event.requests for event in events if event.key_id is not None] == [1] * 6
    assert requests(events) == 21


async def test_each_second_is_its_own(tmp_path: Path) -> None:
    """Requests are counted in the second of their time, however late the count is journalled."""
    with run_flooded(tmp_path) as bed:
        for _ in range(3):
            await bed.flood(MANY, malformed())
            bed.heart.clock.at += SECOND
    events = only_counted(read_shipped(tmp_path))
    assert [event.requests for event in events] == [MANY - PER_S] * 3
    assert len({event.at for event in events}) == 3


async def test_the_running_second_counts_on(tmp_path: Path) -> None:
    """A count is journalled once its second is over, and not before."""
    with run_flooded(tmp_path) as bed:
        for _ in range(3):
            await bed.flood(MANY, malformed())
            bed.aggregation.journal_finished()
        assert len(bed.heart.records()) == PER_S
        bed.second()
        assert [event.requests for event in only_counted(bed.heart.records())] == [3 * MANY - PER_S]


@pytest.mark.parametrize(("kept", "told"), [("network", "198.51.7.0/24"), ("none", None)])
async def test_no_more_is_told_of_a_network_than_is_kept(
    tmp_path: Path, kept: ClientIpKept, told: str | None
) -> None:
    """The setting that says what is kept of an address holds for a counted event too."""
    with run_flooded(tmp_path, kept=kept, policy=replace(POLICY, client_ip=kept)) as bed:
        await bed.flood(MANY, malformed(7))
    assert {event.client_ip for event in read_shipped(tmp_path)} == {told}


async def test_more_sources_than_are_told_apart(tmp_path: Path) -> None:
    """Past so many networks a second all others are counted together, so that they drown nothing either."""
    networks = SOURCES_MAX + 100
    with run_flooded(tmp_path) as bed:
        for network in range(networks):
            await bed.flood(1, malformed(network))
        bed.second()
    events = read_shipped(tmp_path)
    assert requests(events) == networks
    assert [(event.client_ip, event.requests) for event in only_counted(events)] == [(None, 100 - PER_S)]


async def test_more_counts_than_there_is_room_for(tmp_path: Path) -> None:
    """Where no slot is left, a request is an event by itself."""
    seconds, networks = 3, SOURCES_MAX - 1
    with run_flooded(tmp_path, per_s=1) as bed:
        for _ in range(seconds):
            for network in range(networks):
                await bed.flood(2, malformed(network))
            bed.heart.clock.at += SECOND
        assert (tmp_path / "run" / COUNTED).stat().st_size == SLOTS_MAX * SLOT_BYTES
    events = read_shipped(tmp_path)
    assert requests(events) == seconds * networks * 2
    assert len(only_counted(events)) == SLOTS_MAX


async def test_slots_are_used_again(tmp_path: Path) -> None:
    """The file holds as many slots as counted at once, however long the flood lasts."""
    with run_flooded(tmp_path) as bed:
        for _ in range(5):
            await bed.flood(MANY, malformed())
            bed.second()
        assert (tmp_path / "run" / COUNTED).stat().st_size == SLOT_BYTES


async def test_without_a_flood_the_file_is_empty(tmp_path: Path) -> None:
    """It takes no room of the journal where nothing is counted."""
    with run_flooded(tmp_path) as bed:
        await bed.flood(MANY, known())
        assert (tmp_path / "run" / COUNTED).stat().st_size == 0
