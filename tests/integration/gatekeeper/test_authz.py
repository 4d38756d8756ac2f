"""The answers of a gatekeeper, run as in production, to a gateway."""

from __future__ import annotations

import json

import pytest

from keyfold.domain.access.decision import Reason
from keyfold.wire.access.codec import encode_access_event
from tests.support.gatekeeper.practice import (
    ACCOUNT,
    BOTH,
    EXPIRED_KEY,
    KEY,
    NAMED_KEY,
    NETWORKED_KEY,
    OTHER_VENDOR_KEY,
    REPLACED_KEY,
    REPLACED_VENDOR_KEY,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    SHUT_KEY,
    SUSPENDED_VENDOR_KEY,
    UNKNOWN_KEY,
    UNKNOWN_VENDOR_KEY,
    VENDOR,
    VENDOR_KEY,
    practice,
)
from tests.support.gatekeeper.world import NGINX_TOKEN, Gatekeeper

Keys = dict[str, str]


def keys(vendor: str | None = VENDOR_KEY.secret, subscriber: str | None = KEY.secret) -> Keys:
    """Return the headers that carry these keys."""
    given = {"x-api-key": vendor, "A-api-key": subscriber}
    return {name: value for name, value in given.items() if value is not None}


REASONS: list[tuple[Reason, int, Keys, str, str]] = [
    (Reason.MISSING_VENDOR_KEY, 401, keys(vendor=None), "GET", "/v1/patient"),
    (Reason.MISSING_SUBSCRIBER_KEY, 401, keys(subscriber=None), "GET", "/v1/patient"),
    (Reason.MALFORMED_KEY, 401, keys(KEY.secret, VENDOR_KEY.secret), "GET", "/v1/patient"),
    (Reason.UNKNOWN_VENDOR_KEY, 401, keys(vendor=UNKNOWN_VENDOR_KEY.secret), "GET", "/v1/patient"),
    (Reason.UNKNOWN_SUBSCRIBER_KEY, 401, keys(subscriber=UNKNOWN_KEY.secret), "GET", "/v1/patient"),
    (Reason.VENDOR_KEY_REPLACED, 401, keys(vendor=REPLACED_VENDOR_KEY.secret), "GET", "/v1/patient"),
    (Reason.SUBSCRIBER_KEY_REPLACED, 401, keys(subscriber=REPLACED_KEY.secret), "GET", "/v1/patient"),
    (Reason.VENDOR_KEY_REVOKED, 401, keys(vendor=REVOKED_VENDOR_KEY.secret), "GET", "/v1/patient"),
    (Reason.VENDOR_SUSPENDED, 401, keys(vendor=SUSPENDED_VENDOR_KEY.secret), "GET", "/v1/patient"),
    (Reason.SUBSCRIBER_KEY_REVOKED, 401, keys(subscriber=REVOKED_KEY.secret), "GET", "/v1/patient"),
    (Reason.SUBSCRIBER_KEY_EXPIRED, 401, keys(subscriber=EXPIRED_KEY.secret), "GET", "/v1/patient"),
    (Reason.NETWORK_NOT_ALLOWED, 403, keys(subscriber=NETWORKED_KEY.secret), "GET", "/v1/patient"),
    (Reason.INTEGRATIONS_DISABLED, 403, keys(subscriber=SHUT_KEY.secret), "GET", "/v1/patient"),
    (Reason.VENDOR_NOT_PERMITTED, 403, keys(subscriber=NAMED_KEY.secret), "GET", "/v1/patient"),
    (Reason.AMBIGUOUS_REQUEST, 403, keys(), "GET", "/v1//patient"),
    (Reason.UNMAPPED_ROUTE, 403, keys(), "GET", "/v1/payroll"),
    (Reason.CATEGORY_DENIED, 403, keys(), "GET", "/v1/note"),
    (Reason.READ_ONLY, 403, keys(), "POST", "/v1/appointment"),
]


def test_every_reason_is_tried() -> None:
    """No reason is forgotten; `stale` and `rate_limited` have tests of their own."""
    assert {row[0] for row in REASONS} == set(Reason) - {Reason.STALE, Reason.RATE_LIMITED}


@pytest.mark.parametrize("is_main_port", [False, True])
@pytest.mark.parametrize(("reason", "status", "headers", "method", "path"), REASONS)
async def test_each_reason_has_its_status_and_explanation(
    gatekeeper: Gatekeeper,
    reason: Reason,
    status: int,
    headers: Keys,
    method: str,
    path: str,
    is_main_port: bool,
) -> None:
    """A denial has its status, its reason in header and problem, and the record's id, on both ports alike."""
    answer = await gatekeeper.ask(method, path, headers, is_main_port=is_main_port)
    record = gatekeeper.journal()[-1]
    problem = json.loads(answer.body)
    assert (answer.status, answer.reason) == (status, reason)
    assert (problem["status"], problem["reason"]) == (status, reason)
    assert problem["instance"] == f"urn:uuid:{record.event_id}"
    assert answer.headers["X-Keyfold-Decision"] == record.event_id
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers.get("WWW-Authenticate") == ("Keyfold" if status == 401 else None)
    assert (record.reason, record.method, record.path, record.gateway) == (reason, method, path, "caddy")


async def test_an_allow_names_everything_that_was_proven(gatekeeper: Gatekeeper) -> None:
    """An allow is an empty 200 with every identity header, whatever the client sent."""
    spoofed = {"X-Keyfold-Account": "acc_mine", "X-Keyfold-Access": "write"}
    answer = await gatekeeper.ask("GET", "/v1/appointment/7/resource?from=2026", {**BOTH, **spoofed})
    record = gatekeeper.journal()[-1]
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")
    identity = {name: value for name, value in answer.headers.items() if name.startswith("X-Keyfold-")}
    assert identity == {
        "X-Keyfold-Account": ACCOUNT,
        "X-Keyfold-Key": KEY.key_id,
        "X-Keyfold-Vendor": VENDOR,
        "X-Keyfold-Category": "appointment",
        "X-Keyfold-Access": "read",
        "X-Keyfold-Decision": record.event_id,
        "X-Keyfold-Position": str(record.position),
    }
    assert answer.headers["x-envoy-auth-headers-to-remove"] == "x-api-key,A-api-key"
    assert answer.headers["Cache-Control"] == "no-store"
    assert record.path == "/v1/appointment/7/resource"


async def test_keys_in_authorization_are_taken_out_there_too(gatekeeper: Gatekeeper) -> None:
    """If both keys came in Authorization, the gateway is told to remove that header too."""
    pair = {"Authorization": f"Keyfold {VENDOR_KEY.secret}/{KEY.secret}"}
    answer = await gatekeeper.ask("GET", "/v1/patient", pair)
    assert answer.status == 200
    assert answer.headers["x-envoy-auth-headers-to-remove"] == "x-api-key,A-api-key,authorization"


@pytest.mark.parametrize("token", ["", "wrong", NGINX_TOKEN + "x"])
async def test_whoever_is_no_gateway_learns_nothing(gatekeeper: Gatekeeper, token: str) -> None:
    """Without a gateway's token any keys get 401, without a decision or a record."""
    before = len(gatekeeper.journal())
    answers = [await gatekeeper.ask("GET", "/v1/patient", each, token=token) for each in (BOTH, {})]
    assert answers[0].status == 401
    assert answers[0].body == answers[1].body
    assert answers[0].reason is None
    assert len(gatekeeper.journal()) == before


async def test_a_gateway_that_discards_bodies_gets_none(gatekeeper: Gatekeeper) -> None:
    """A gateway of kind `original` gets the reason only in the header."""
    told = {"X-Original-Method": "GET", "X-Original-URI": "/v1/note"}
    answer = await gatekeeper.ask("POST", "/v1/patient", {**BOTH, **told}, token=NGINX_TOKEN)
    assert (answer.status, answer.reason, answer.body) == (403, Reason.CATEGORY_DENIED, b"")


async def test_a_clients_own_copy_of_the_other_headers_changes_nothing(gatekeeper: Gatekeeper) -> None:
    """nginx passes on a client's `X-Forwarded-Method: GET`; the POST is still decided as a POST."""
    told = {"X-Original-Method": "POST", "X-Original-URI": "/v1/appointment"}
    answer = await gatekeeper.ask("GET", "/v1/patient", {**BOTH, **told}, token=NGINX_TOKEN)
    assert answer.reason == Reason.READ_ONLY


@pytest.mark.parametrize("own_method", ["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "PROPFIND"])
async def test_any_method_is_answered_alike(gatekeeper: Gatekeeper, own_method: str) -> None:
    """The gateway's own method does not matter if its headers name the original one."""
    allowed = await gatekeeper.ask("GET", "/v1/patient", BOTH, own_method=own_method)
    denied = await gatekeeper.ask("GET", "/v1/note", BOTH, own_method=own_method)
    assert (allowed.status, denied.status, denied.reason) == (200, 403, Reason.CATEGORY_DENIED)
    assert (denied.body == b"") == (own_method == "HEAD")


async def test_the_record_holds_what_the_gateway_reports(gatekeeper: Gatekeeper) -> None:
    """The client's address and the trace go into the record; the query string and the keys do not."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {**BOTH, "X-Forwarded-For": "203.0.113.9, 198.51.100.7", "traceparent": trace}
    await gatekeeper.ask("GET", "/v1/patient?name=Secretive", headers)
    record = gatekeeper.journal()[-1]
    assert (record.client_ip, record.traceparent) == ("198.51.100.7", trace)
    line = encode_access_event(record)
    assert not any(
        secret in line for secret in (b"Secretive", VENDOR_KEY.secret.encode(), KEY.secret.encode())
    )


async def test_records_are_numbered_without_a_gap(gatekeeper: Gatekeeper) -> None:
    """The run's records are numbered from 1, and each is written before its answer leaves."""
    for _ in range(20):
        before = len(gatekeeper.journal())
        await gatekeeper.ask("GET", "/v1/patient", BOTH)
        assert len(gatekeeper.journal()) == before + 1
    assert [record.seq for record in gatekeeper.journal()] == list(range(1, before + 2))


async def test_a_permitted_vendor_may_use_a_key_that_names_it(gatekeeper: Gatekeeper) -> None:
    """A key that names its vendors works for them."""
    headers = keys(OTHER_VENDOR_KEY.secret, NAMED_KEY.secret)
    assert (await gatekeeper.ask("PATCH", "/v1/patient/7", headers)).status == 200


async def test_keys_and_position_are_told_to_whom_they_concern(gatekeeper: Gatekeeper) -> None:
    """Operators and gateways see a key as it is held here; any token sees the position."""
    operator, owner = gatekeeper.token("operator"), gatekeeper.token("reviewer")
    status, key = await gatekeeper.get(f"/v1/keys/{EXPIRED_KEY.key_id}", operator)
    assert (status, key["state"], key["kind"], key["account_id"]) == (200, "expired", "subscriber", ACCOUNT)
    assert (await gatekeeper.get(f"/v1/keys/{REVOKED_VENDOR_KEY.key_id}", operator))[1]["state"] == "revoked"
    assert (await gatekeeper.get("/v1/keys/key_absent", operator))[0] == 404
    assert (await gatekeeper.get(f"/v1/keys/{KEY.key_id}", owner))[0] == 403
    status, position = await gatekeeper.get("/v1/position", owner)
    assert (status, position["position"]) == (200, key["position"])
    assert position["lease_until"] is not None and position["applied_at"] is not None
    assert (await gatekeeper.get("/v1/position"))[0] == 401


async def test_metrics_count_decisions_by_reason(gatekeeper: Gatekeeper) -> None:
    """Decisions by reason, the journal's size, the lease and the position can be watched."""
    await gatekeeper.ask("GET", "/v1/note", BOTH)
    async with gatekeeper.session.get(gatekeeper.url + "/metrics") as response:
        text = await response.text()
    for name in (
        'keyfold_decisions_total{reason="category_denied"}',
        "keyfold_journal_bytes ",
        "keyfold_lease_remaining_seconds ",
        f"keyfold_gatekeeper_position {len(practice())}.0",
    ):
        assert name in text
