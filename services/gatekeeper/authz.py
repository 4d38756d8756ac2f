"""May this request pass? Recognise the gateway, decide, write it down, answer."""

from datetime import datetime
from functools import partial

from libs.domain.access_event import AccessEvent
from libs.domain.decision import Decision, Reason, decide_access
from libs.runtime.clock import Clock
from services.gatekeeper import metrics
from services.gatekeeper.answers import Answer, Answers
from services.gatekeeper.gateway_warnings import GatewayWarnings
from services.gatekeeper.gateways import TOKEN_HEADER, Gateway
from services.gatekeeper.headers import Headers
from services.gatekeeper.journal import Journal
from services.gatekeeper.lease import Lease
from services.gatekeeper.policy import Policy
from services.gatekeeper.question import Question, read_question
from services.gatekeeper.recording import access_event
from services.gatekeeper.replica import Replica


class Authz:
    """Answers gateways. It waits for nothing but the journal's write, and never reads a body."""

    def __init__(
        self, policy: Policy, replica: Replica, lease: Lease, journal: Journal, clock: Clock
    ) -> None:
        self._policy = policy
        self._replica = replica
        self._lease = lease
        self._journal = journal
        self._clock = clock
        self._answers = Answers(policy.key_headers)
        self._warnings = GatewayWarnings(clock)
        self._counters = {reason: metrics.DECISIONS.labels(reason or "allow") for reason in (None, *Reason)}

    async def answer(self, method: str, raw_path: str, headers: Headers) -> Answer:
        """Answer one question; `raw_path` is the request's target exactly as it was sent."""
        gateway = self._policy.gateways.find(headers.getall(TOKEN_HEADER, []))
        if gateway is None:
            metrics.UNKNOWN_GATEWAYS.inc()
            return self._answers.unknown_gateway()
        return await self._decided(gateway, method, raw_path, headers)

    async def _decided(self, gateway: Gateway, method: str, raw_path: str, headers: Headers) -> Answer:
        question = read_question(self._policy, gateway, method, raw_path, headers)
        if question.original.lacks is not None:
            self._warnings.misconfigured(gateway.name, question.original.lacks)
        event = await self._journal.append(partial(self._decide, question))
        if event is None:
            return self._answers.journal_unavailable(gateway.kind)
        reason = event.reason
        if reason is None and not self._still_allows(question, event.position):
            reason = Reason.STALE
        self._counters[reason].inc()
        if reason is not None:
            return self._answers.deny(reason, event.event_id, gateway.kind)
        return self._answers.allow(event, in_authorization=question.in_authorization)

    def _decide(self, question: Question, *, gatekeeper: str, seq: int) -> AccessEvent:
        now = self._clock.now()
        return access_event(
            self._decision(question, now),
            question,
            event_id=self._clock.new_event_id(),
            at=now,
            position=self._replica.position,
            gatekeeper=gatekeeper,
            seq=seq,
        )

    def _decision(self, question: Question, now: datetime) -> Decision:
        # Before the first proof the state may lack what was committed long ago, so nothing is known at all.
        state = None if self._lease.proven_s is None else self._replica.state
        return decide_access(
            question.request,
            state,
            self._policy.route_map,
            now,
            lease_held=self._lease.is_held(self._clock.monotonic_s()),
        )

    def _still_allows(self, question: Question, position: int) -> bool:
        # The process may have slept since the write, or a revocation may have been applied and confirmed
        # between the write and this answer. An allow in the journal that was never sent does no harm.
        if position != self._replica.position:
            return self._decision(question, self._clock.now()).reason is None
        return self._lease.is_held(self._clock.monotonic_s())
