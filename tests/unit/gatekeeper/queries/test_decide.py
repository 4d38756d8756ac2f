"""Dry runs over HTTP: by id, with an explanation, only for some roles, in batches, without a trace."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from keyfold.domain.access.decision import Reason
from tests.support.edges import documents
from tests.support.gatekeeper.asked import Asked, Json, asking
from tests.support.gatekeeper.practice import (
    ACCOUNT,
    EXPIRED_KEY,
    KEY,
    NAMED_KEY,
    NETWORKED_KEY,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    SHUT_KEY,
    SUSPENDED_VENDOR,
    SUSPENDED_VENDOR_KEY,
    UNKNOWN_KEY,
    UNKNOWN_VENDOR_KEY,
    VENDOR,
    VENDOR_KEY,
)

READ: Json = {"method": "GET", "path": "/v1/patient/7?name=x"}
PAIR: Json = {"subscriber_key_id": KEY.key_id, "vendor_key_id": VENDOR_KEY.key_id}
QUESTION: Json = {**PAIR, **READ}


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    """A gatekeeper of a practice."""
    async with asking(tmp_path) as asked:
        yield asked


async def test_an_allow_says_what_it_is_for(asked: Asked) -> None:
    """The answer has the decision, its subject, the gatekeeper's position, and every check."""
    status, answer = await asked.post("/v1/decide", QUESTION)
    checks = {each["check"]: each["outcome"] for each in answer.pop("checks")}
    assert (status, answer) == (
        200,
        {
            "decision": "allow",
            "reason": None,
            "status": 200,
            "account_id": ACCOUNT,
            "subscriber_key_id": KEY.key_id,
            "vendor_id": VENDOR,
            "category": "patient",
            "access": "read",
            "public": False,
            "position": asked.replica.position,
            "at": "2026-03-02T00:00:00.000000Z",
            "changes": [],
        },
    )
    assert list(checks) == [reason.value for reason in Reason]
    assert set(checks.values()) == {"passed", "not_applicable", "unknown"}


@pytest.mark.parametrize(
    ("changed", "reason", "status"),
    [
        ({"vendor_key_id": UNKNOWN_VENDOR_KEY.key_id}, Reason.UNKNOWN_VENDOR_KEY, 401),
        ({"subscriber_key_id": UNKNOWN_KEY.key_id}, Reason.UNKNOWN_SUBSCRIBER_KEY, 401),
        ({"vendor_key_id": KEY.key_id}, Reason.UNKNOWN_VENDOR_KEY, 401),
        ({"subscriber_key_id": VENDOR_KEY.key_id}, Reason.UNKNOWN_SUBSCRIBER_KEY, 401),
        ({"vendor_key_id": REVOKED_VENDOR_KEY.key_id}, Reason.VENDOR_KEY_REVOKED, 401),
        ({"vendor_key_id": SUSPENDED_VENDOR_KEY.key_id}, Reason.VENDOR_SUSPENDED, 401),
        ({"subscriber_key_id": REVOKED_KEY.key_id}, Reason.SUBSCRIBER_KEY_REVOKED, 401),
        ({"subscriber_key_id": EXPIRED_KEY.key_id}, Reason.SUBSCRIBER_KEY_EXPIRED, 401),
        ({"subscriber_key_id": NETWORKED_KEY.key_id}, Reason.NETWORK_NOT_ALLOWED, 403),
        (
            {"subscriber_key_id": NETWORKED_KEY.key_id, "client_ip": "::ffff:203.0.113.9"},
            None,
            200,
        ),
        ({"subscriber_key_id": SHUT_KEY.key_id}, Reason.INTEGRATIONS_DISABLED, 403),
        ({"subscriber_key_id": NAMED_KEY.key_id}, Reason.VENDOR_NOT_PERMITTED, 403),
        ({"path": "/v1/patient/../bill"}, Reason.AMBIGUOUS_REQUEST, 403),
        ({"path": ""}, Reason.AMBIGUOUS_REQUEST, 403),
        ({"path": "/v9/x"}, Reason.UNMAPPED_ROUTE, 403),
        ({"path": "/v1/bill/1"}, Reason.CATEGORY_DENIED, 403),
        ({"method": "DELETE", "path": "/v1/appointment/1"}, Reason.READ_ONLY, 403),
    ],
)
async def test_every_reason(asked: Asked, changed: Json, reason: Reason | None, status: int) -> None:
    """A dry run gives the reason and status that the keys would get with their secrets."""
    _, answer = await asked.post("/v1/decide", {**QUESTION, **changed})
    assert (answer["reason"], answer["status"]) == (reason, status)
    failed = [each["check"] for each in answer["checks"] if each["outcome"] == "failed"]
    assert failed[:1] == [] if reason is None else [reason]
    assert [each["check"] for each in answer["changes"]] == failed


async def test_by_vendor_and_by_category(asked: Asked) -> None:
    """A vendor and a category will do in place of a vendor key and a path."""
    question = {"subscriber_key_id": KEY.key_id, "category": "financial", "access": "write"}
    _, answer = await asked.post("/v1/decide", {**question, "vendor_id": VENDOR})
    assert (answer["reason"], answer["changes"]) == (
        "category_denied",
        [{"check": "category_denied", "change": "Grant write to financial.", "by": "owner"}],
    )
    _, answer = await asked.post("/v1/decide", {**question, "vendor_id": SUSPENDED_VENDOR})
    assert [each["change"] for each in answer["changes"]] == [
        "Reinstate the vendor.",
        "Grant write to financial.",
    ]


async def test_as_of_another_time(asked: Asked) -> None:
    """A dry run can be asked as of a later time, after a key's expiry."""
    question = {**QUESTION, "subscriber_key_id": EXPIRED_KEY.key_id}
    _, answer = await asked.post("/v1/decide", {**question, "at": "2026-02-28T23:59:59Z"})
    assert (answer["decision"], answer["at"]) == ("allow", "2026-02-28T23:59:59.000000Z")
    _, answer = await asked.post("/v1/decide", {**question, "at": "2026-03-01T00:00:00Z"})
    assert answer["reason"] == "subscriber_key_expired"


@pytest.mark.parametrize(
    ("hidden", "never"),
    [
        ({"vendor_id": SUSPENDED_VENDOR}, {"vendor_id": "ven_never000000"}),
        ({"vendor_key_id": SUSPENDED_VENDOR_KEY.key_id}, {"vendor_key_id": UNKNOWN_VENDOR_KEY.key_id}),
    ],
)
@pytest.mark.parametrize("changed", [{}, {"path": "/v1/bill/1"}, {"subscriber_key_id": NAMED_KEY.key_id}])
async def test_a_vendor_that_is_hidden_from_an_owner(
    asked: Asked, hidden: Json, never: Json, changed: Json
) -> None:
    """An owner is answered as for a vendor or a key that never was, in a batch too; an operator is told."""
    own = {"subscriber_key_id": KEY.key_id, **READ, **changed}
    questions: list[Json] = [{**own, **each} for each in (hidden, never)]
    answers = [await asked.post("/v1/decide", each, "owner") for each in questions]
    assert answers[0] == answers[1]
    assert (answers[0][1]["reason"], answers[0][1]["vendor_id"]) == ("unknown_vendor_key", None)
    _, batch = await asked.post("/v1/decide/batch", {"questions": questions}, "owner")
    assert batch["items"] == [answer for _, answer in answers]
    _, told = await asked.post("/v1/decide", questions[0])
    assert (told["reason"], told["vendor_id"]) == ("vendor_suspended", SUSPENDED_VENDOR)


async def test_who_may_ask(asked: Asked) -> None:
    """Gateways and operators may ask about any key; for an owner only its own keys exist."""
    unknown = {**QUESTION, "subscriber_key_id": UNKNOWN_KEY.key_id}
    for who, question, status in [
        ("operator", QUESTION, 200),
        ("gateway", QUESTION, 200),
        ("gateway", unknown, 200),
        ("owner", QUESTION, 200),
        ("owner", unknown, 404),
        ("other owner", QUESTION, 404),
        ("vendor", QUESTION, 403),
        ("nobody", QUESTION, 401),
    ]:
        assert (await asked.post("/v1/decide", question, who))[0] == status, who
    _, theirs = await asked.post("/v1/decide", QUESTION, "other owner")
    _, nobodys = await asked.post("/v1/decide", unknown, "other owner")
    assert theirs == nobodys


@pytest.mark.parametrize(
    "question",
    [
        {},
        {**READ, "subscriber_key_id": KEY.key_id},
        {**QUESTION, "vendor_id": VENDOR},
        PAIR,
        {**PAIR, "method": "GET"},
        {**PAIR, "path": "/v1/patient"},
        {**PAIR, "category": "patient"},
        {**PAIR, "access": "read"},
        {**PAIR, "method": "GET", "access": "read"},
        {**QUESTION, "category": "patient", "access": "read"},
        {**QUESTION, "access": "read"},
        {**PAIR, "category": "patient", "access": "none"},
        {**PAIR, "category": "teeth", "access": "read"},
        {**QUESTION, "method": "get"},
        {**QUESTION, "client_ip": "somewhere"},
        {**QUESTION, "client_ip": "fe80::1%eth0"},
        {**QUESTION, "at": "tomorrow"},
        {**QUESTION, "vendor_key": VENDOR_KEY.secret},
        {**QUESTION, "vendor_key_id": VENDOR_KEY.secret},
    ],
)
async def test_questions_that_cannot_be_read(asked: Asked, question: Json) -> None:
    """An incomplete or contradictory question is a 422 that repeats no secret."""
    status, problem = await asked.post("/v1/decide", question)
    assert status == 422
    assert problem["errors"]
    assert VENDOR_KEY.secret not in str(problem)


async def test_a_batch_is_answered_in_order_whatever_is_wrong_with_some(asked: Asked) -> None:
    """Each question of a batch gets the answer, or the problem, that it would get alone."""
    questions: list[object] = [QUESTION, {**QUESTION, "access": "read"}, 7, {**QUESTION, "path": "/v9/x"}]
    _, answer = await asked.post("/v1/decide/batch", {"questions": questions})
    alone = [await asked.post("/v1/decide", each) for each in questions]
    assert [each.get("problem", {}).get("status", 200) for each in answer["items"]] == [200, 422, 422, 200]
    for item, (status, answered) in zip(answer["items"], alone, strict=True):
        assert item == answered if status == 200 else item["problem"]["errors"] == answered["errors"]


@pytest.mark.parametrize("place", ["", "/path", "/subscriber_key_id", "/unknown"])
async def test_no_question_fails_a_batch(asked: Asked, place: str) -> None:
    """Any other JSON in a question's place, or within it, fails only that question."""
    questions = [document for at, document in documents(QUESTION) if at == place and _is_json(document)]
    questions = [document for document in questions if len(document) < 10_000]
    good = orjson.dumps(QUESTION)
    body = b'{"questions": [' + b",".join((good, *questions, good)) + b"]}"
    status, answer = await asked.post_bytes("/v1/decide/batch", body)
    assert status == 200, answer
    assert len(answer["items"]) == len(questions) + 2
    assert [each["decision"] for each in (answer["items"][0], answer["items"][-1])] == ["allow", "allow"]
    for document, item in zip(questions, answer["items"][1:-1], strict=True):
        alone, answered = await asked.post_bytes("/v1/decide", document)
        assert alone < 500
        assert item.get("problem", {"status": 200})["status"] == alone, document
        assert item.get("problem", {}).get("errors") == answered.get("errors"), document


def _is_json(document: bytes) -> bool:
    # As this parser has it: numbers of any size, and half a character too.
    try:
        json.loads(document.decode(), parse_int=str, parse_constant=float)
    except (ValueError, RecursionError):
        return False
    return b"[" * 200 not in document


async def test_a_batch_hides_what_a_question_alone_hides(asked: Asked) -> None:
    """In a batch too, another account's key does not exist for an owner."""
    shut = {**QUESTION, "subscriber_key_id": SHUT_KEY.key_id}
    _, answer = await asked.post("/v1/decide/batch", {"questions": [QUESTION, shut]}, "owner")
    assert answer["items"][0]["decision"] == "allow"
    assert answer["items"][1]["problem"]["status"] == 404


async def test_the_bounds_of_a_batch(asked: Asked) -> None:
    """From one question to a thousand, in up to half a mebibyte."""
    long = {**QUESTION, "path": "/v1/patient/" + "x" * 300}
    status, answer = await asked.post("/v1/decide/batch", {"questions": [long] * 1000})
    assert (status, len(answer["items"])) == (200, 1000)
    assert {each["decision"] for each in answer["items"]} == {"allow"}
    assert (await asked.post("/v1/decide/batch", {"questions": [long] * 1001}))[0] == 422
    assert (await asked.post("/v1/decide/batch", {"questions": []}))[0] == 422
    longer = {**QUESTION, "path": "/v1/patient/" + "x" * 500}
    assert (await asked.post("/v1/decide/batch", {"questions": [longer] * 1000}))[0] == 413
    assert (await asked.post("/v1/decide", {**QUESTION, "path": "/" + "x" * 66_000}))[0] == 413


async def test_without_a_lease_nothing_is_allowed(asked: Asked) -> None:
    """Without a lease the answer is `stale`, with all other checks as they are known."""
    asked.clock.seconds += 61
    _, answer = await asked.post("/v1/decide", {**QUESTION, "path": "/v1/bill/1"})
    assert [each["check"] for each in answer["changes"]] == ["category_denied", "stale"]
    _, answer = await asked.post("/v1/decide", QUESTION)
    assert (answer["decision"], answer["reason"], answer["status"]) == ("deny", "stale", 503)


async def test_before_the_state_is_proven_nothing_is_said_of_a_decision(tmp_path: Path) -> None:
    """A state before the first proof explains nothing; a key is still shown, with its position."""
    async with asking(tmp_path, is_proven=False) as asked:
        assert (await asked.post("/v1/decide", QUESTION))[0] == 503
        assert (await asked.get(f"/v1/keys/{KEY.key_id}"))[0] == 200


async def test_before_the_ledger_is_known_nothing_is_said(tmp_path: Path) -> None:
    """A gatekeeper without a state answers 503, also within a batch."""
    async with asking(tmp_path, is_known=False) as asked:
        status, problem = await asked.post("/v1/decide", QUESTION)
        assert (status, problem["type"]) == (503, "urn:keyfold:problem:stale")
        _, answer = await asked.post("/v1/decide/batch", {"questions": [QUESTION]})
        assert answer["items"][0]["problem"]["status"] == 503
        assert (await asked.get(f"/v1/keys/{KEY.key_id}"))[0] == 503


async def test_a_public_route_is_not_checked(asked: Asked) -> None:
    """Whatever the keys, anybody is let in, so no check applies and nothing has to change."""
    for key in (KEY, REVOKED_KEY):
        question = {**PAIR, "subscriber_key_id": key.key_id, "method": "GET", "path": "/v1/up"}
        status, answer = await asked.post("/v1/decide", question)
        assert (status, answer["decision"], answer["public"], answer["changes"]) == (200, "allow", True, [])
        assert (answer["category"], answer["access"]) == (None, None)
        assert {each["outcome"] for each in answer["checks"]} == {"not_applicable"}


@pytest.mark.parametrize("path", ["/v1/Up", "/v1/up.json", "/v1/up/", "/v1/up?_method=PUT"])
async def test_another_reading_of_a_public_route_is_ambiguous(asked: Asked, path: str) -> None:
    """A dry run reads a path as a decision does."""
    _, answer = await asked.post("/v1/decide", {**PAIR, "method": "GET", "path": path})
    assert (answer["reason"], answer["public"]) == ("ambiguous_request", False)
