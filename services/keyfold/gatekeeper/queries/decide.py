"""Dry runs: the answer that a request would get, by the ids of its keys, without a secret or a trace."""

import asyncio
from typing import Final

import orjson

from keyfold.domain.access.dry_run import DryRunCase, DryRunRequest, find_case, request_by_path
from keyfold.domain.access.explanation import Explanation, explain
from keyfold.domain.ids import KeyId, VendorId
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.domain.permissions import Access
from keyfold.gatekeeper.authz.policy_in_force import PolicyInForce
from keyfold.gatekeeper.queries.decide_bodies import (
    BATCH_BYTES_MAX,
    DecideQuestion,
    DecideQuestions,
    DryRun,
    DryRuns,
)
from keyfold.gatekeeper.reasons import STATUSES
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.runtime.auth.caller import Caller, Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import (
    Answer,
    AnyRoute,
    Body,
    Problem,
    Refused,
    Reply,
    Request,
    Roles,
    Route,
    rfc3339,
)
from keyfold.runtime.http.problem import problem_body
from keyfold.runtime.http.reading.request import read_json
from keyfold.runtime.sharing.turns import Turns

_CHUNK: Final = 10
"""How many questions of a batch are answered before gateways get their turn: about a millisecond of work."""
_ASKERS: Final = Roles(frozenset({Role.GATEWAY, Role.OPERATOR, Role.OWNER}))
NOTHING_KNOWN: Final = Problem(
    status=503,
    slug="stale",
    detail="this gatekeeper does not know the ledger yet; try again shortly",
    headers={"Retry-After": "1"},
)
_NO_SUCH_KEY: Final = Problem(status=404, slug="not-found", detail="there is no such subscriber key")


class DryRunRoutes:
    """Explains decisions before a gateway asks for them."""

    def __init__(self, in_force: PolicyInForce, replica: Replica, lease: Lease, clock: Clock) -> None:
        self._in_force = in_force
        self._replica = replica
        self._lease = lease
        self._clock = clock
        # A part of one batch at a time, so that many batches together cannot crowd out gateways.
        self._turns = Turns("batches", 1)

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return the routes of dry runs."""
        return (
            Route(
                method="POST",
                path="/v1/decide",
                handler=self.decide,
                rule=_ASKERS,
                summary="What a request of these keys would be answered, why, and what would have to change.",
                body=DecideQuestion,
                answer=DryRun,
                refusals=(404, 503),
            ),
            Route(
                method="POST",
                path="/v1/decide/batch",
                handler=self.decide_batch,
                rule=_ASKERS,
                summary="The same for up to 1,000 questions at once; a bad one does not fail the others.",
                body=DecideQuestions,
                body_kind=Body(bytes_max=BATCH_BYTES_MAX, apart="questions"),
                answer=DryRuns,
                refusals=(503,),
            ),
        )

    async def decide(self, request: Request[DecideQuestion, None]) -> Reply:
        """Answer `POST /v1/decide`."""
        return Answer(body=self._answer(request.caller, request.body))

    async def decide_batch(self, request: Request[DecideQuestions, None]) -> Reply:
        """Answer `POST /v1/decide/batch`."""
        questions, items = request.body.questions, list[bytes]()
        async with self._turns.take(request.caller.tenant) as turn:
            for start in range(0, len(questions), _CHUNK):
                items += [self._item(request.caller, each) for each in questions[start : start + _CHUNK]]
                await asyncio.sleep(0)
                await turn.give_way()
        return Answer(body=b'{"items":[' + b",".join(items) + b"]}")

    def _item(self, caller: Caller, given: bytes) -> bytes:
        try:
            return orjson.dumps(self._answer(caller, read_json(given, DecideQuestion)))
        except Refused as refused:
            return b'{"problem":' + problem_body(refused.problem, "") + b"}"

    def _answer(self, caller: Caller, question: DecideQuestion) -> dict[str, object]:
        # To an owner, a vendor that is not approved does not exist, as in the registry, nor does another
        # account's key; a caller who sees all keys is told why it fails.
        is_owner = caller.role is Role.OWNER
        case = self._find_case(question, approved_alone=is_owner)
        if is_owner and _account_of(case.subscriber_key) != caller.account_id:
            raise Refused(_NO_SUCH_KEY)
        return _represent(question, case, explain(case), self._replica.position)

    def _find_case(self, question: DecideQuestion, *, approved_alone: bool) -> DryRunCase:
        state = None if self._lease.proven_s is None else self._replica.state
        if state is None:
            raise Refused(NOTHING_KNOWN)
        key_id, vendor_id = question.vendor_key_id, question.vendor_id
        return find_case(
            state,
            KeyId(question.subscriber_key_id),
            KeyId(key_id) if key_id is not None else VendorId(vendor_id or ""),
            by_vendor=key_id is None,
            request=self._request(question),
            client_ip=question.client_ip,
            now=question.at or self._clock.now(),
            lease_held=self._lease.is_held(self._clock.monotonic_s()),
            approved_alone=approved_alone,
        )

    def _request(self, question: DecideQuestion) -> DryRunRequest:
        if question.method is not None and question.path is not None:
            return request_by_path(question.method, question.path, self._in_force.policy.route_map)
        access = None if question.access is None else Access.of(question.access)
        return DryRunRequest(category=question.category, access=access)


def _account_of(key: SubscriberKey | None) -> str | None:
    return None if key is None else key.account_id


def _represent(
    question: DecideQuestion, case: DryRunCase, explanation: Explanation, position: int
) -> dict[str, object]:
    # A plain dictionary: the models that describe it would take several times as long.
    category, access = case.request.category, case.request.access
    return {
        "decision": "allow" if explanation.reason is None else "deny",
        "reason": explanation.reason,
        "status": STATUSES[explanation.reason],
        "account_id": _account_of(case.subscriber_key),
        "subscriber_key_id": question.subscriber_key_id,
        "vendor_id": None if case.vendor_key is None else case.vendor_key.vendor_id,
        "category": category,
        "access": None if access is None else access.word,
        "public": case.request.is_public,
        "position": position,
        "at": rfc3339(case.now),
        "checks": [{"check": each.check, "outcome": each.outcome} for each in explanation.checks],
        "changes": [
            {"check": each.check, "change": each.change, "by": each.by} for each in explanation.changes
        ],
    }
