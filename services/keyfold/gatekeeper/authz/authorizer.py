"""Answers whether requests may pass: recognises the gateway, decides, journals the decision, answers."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol

import structlog
from msgspec import Struct
from msgspec.structs import replace

from keyfold.domain.access.decision import Decision, Reason, decide_access
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey
from keyfold.domain.rate_limit import Taken
from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.authz.answers import Answers, AuthzAnswer
from keyfold.gatekeeper.authz.denial_aggregation import DenialAggregation
from keyfold.gatekeeper.authz.gateway_warnings import GatewayWarnings
from keyfold.gatekeeper.authz.policy import AuthzPolicy
from keyfold.gatekeeper.authz.policy_in_force import PolicyInForce
from keyfold.gatekeeper.authz.rate_limiter import RateLimiter
from keyfold.gatekeeper.authz.recording import access_event
from keyfold.gatekeeper.authz.request.callers import AuthzCallers
from keyfold.gatekeeper.authz.request.headers import Fields
from keyfold.gatekeeper.authz.request.question import AuthzQuestion, Questions
from keyfold.gatekeeper.journal.writer import Journal
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.runtime.clock import Clock
from keyfold.wire.access.codec import encode_access_event
from keyfold.wire.journal.line import journal_line

_ALLOW: Final = "allow"
_PUBLIC: Final = "public"

log = structlog.get_logger(__name__)


class Exchange(Protocol):
    """A question from a gateway, on the connection that takes the answer back."""

    def recognise(self, gateway: str) -> None:
        """Note which gateway asks. Raises nothing."""
        ...

    def respond(self, answer: AuthzAnswer) -> None:
        """Send the answer to the gateway. Raises nothing."""
        ...


_Pending = tuple[Exchange, str, str, Fields]


class _Moment(Struct, frozen=True, gc=False):
    """The time of a tick, by the wall clock and the steady clock, and whether the lease was held then."""

    at: datetime
    steady_s: float
    lease_held: bool


class _Decided(Struct, frozen=True, gc=False):
    """A decision with its record; `taken` is how the key's rate limit stands, if it was asked."""

    question: AuthzQuestion
    reason: Reason | None
    event: AccessEvent
    taken: Taken | None


class _Counted(Struct, frozen=True, gc=False):
    """An answer that shares one event with others."""

    question: AuthzQuestion
    reason: Reason | None
    event: AccessEvent


class Authz:
    """Answers gateways. It waits for nothing but the journal's write, and never reads a body.

    All questions of one event-loop tick are decided, journalled in one write and answered together, in their
    order. Nothing else runs meanwhile, so no event of the ledger can come between a decision, its record and
    its answer.
    """

    def __init__(
        self,
        in_force: PolicyInForce,
        replica: Replica,
        lease: Lease,
        journal: Journal,
        limiter: RateLimiter,
        clock: Clock,
        aggregation: DenialAggregation | None = None,
    ) -> None:
        self._in_force = in_force
        self._adopt(in_force.policy)
        self.field_names = self._questions.field_names
        self._replica = replica
        self._lease = lease
        self._journal = journal
        self._limiter = limiter
        self._aggregation = aggregation
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._answers = Answers(in_force.policy.key_headers)
        self._warnings = GatewayWarnings(clock)
        self._pending: list[_Pending] = []
        self._unknown_gateways = 0
        self._answered: dict[str, int] = dict.fromkeys((_ALLOW, _PUBLIC, *Reason), 0)

    def _adopt(self, policy: AuthzPolicy) -> None:
        # What was read of callers is forgotten: their gateway may not be one any more.
        self._policy, self._policy_number = policy, self._in_force.number
        self._callers = AuthzCallers(policy.gateways, policy.key_headers)
        self._questions = Questions(policy)
        self._templates = policy.route_map if policy.paths == "template" else None

    def ask(self, exchange: Exchange, method: str, raw_target: str, fields: Fields) -> None:
        """Take a question, to be answered in the next tick; `raw_target` is the target exactly as sent."""
        if not self._pending:
            self._loop.call_soon(self._answer_all)
        self._pending.append((exchange, method, raw_target, fields))

    def _answer_all(self) -> None:
        if self._in_force.policy is not self._policy:
            self._adopt(self._in_force.policy)
        pending, self._pending = self._pending, []
        steady_s = self._clock.monotonic_s()
        moment = _Moment(self._clock.now(), steady_s, self._lease.is_held(steady_s))
        lines: list[bytes] = []
        outcomes = [self._decide_safely(each, moment, lines) for each in pending]
        refused_seq = self._journal.next_seq
        refused_seq += self._journal.append(lines)
        is_counted = self._aggregation is None or self._aggregation.write_down()
        # The process may have slept since it decided. An allow that is journalled and never sent does no
        # harm.
        lease_held = self._lease.is_held(self._clock.monotonic_s())
        for (exchange, _, _, _), outcome in zip(pending, outcomes, strict=True):
            if isinstance(outcome, AuthzAnswer):
                exchange.respond(outcome)
            elif isinstance(outcome, _Counted):
                exchange.respond(self._answer_counted(outcome, is_counted))
            elif outcome.event.seq >= refused_seq:
                exchange.respond(self._answers.journal_unavailable(outcome.question.gateway.kind))
            else:
                exchange.respond(self._answer(outcome, lease_held))

    def _decide_safely(
        self, pending: _Pending, moment: _Moment, lines: list[bytes]
    ) -> _Decided | _Counted | AuthzAnswer:
        """Decide, and add what is to be journalled to the lines; a bug fails this request alone."""
        try:
            return self._decide(pending, moment, lines)
        except Exception as bug:  # no line was added, so no number is used
            log.error("decision_failed", exc_info=bug)
            return self._answers.failed()

    def _decide(
        self, pending: _Pending, moment: _Moment, lines: list[bytes]
    ) -> _Decided | _Counted | AuthzAnswer:
        exchange, method, raw_target, fields = pending
        caller = self._callers.of(fields)
        if caller is None:
            self._unknown_gateways += 1
            return self._answers.unknown_gateway()
        gateway = caller.gateway
        exchange.recognise(gateway.name)
        question = self._questions.read(caller, method, raw_target, fields)
        if question.original.lacks is not None:
            self._warnings.warn(gateway.name, question.original.lacks)
        decision, taken = self._judge(question, moment)
        reason = decision.reason
        if (reason is not None or decision.is_public) and self._aggregation is not None:
            count = self._aggregation.find_count(
                decision, question, moment.at, self._replica.position, self._policy_number
            )
            if count is not None:
                return _Counted(question, reason, count.event)
        event = access_event(
            decision,
            question,
            event_id=self._clock.new_event_id(),
            at=moment.at,
            position=self._replica.position,
            gatekeeper=self._journal.run_id,
            seq=self._journal.next_seq + len(lines),
            templates=self._templates,
            policy=self._policy_number,
        )
        lines.append(journal_line(encode_access_event(event)))
        return _Decided(question, decision.reason, event, taken)

    def _judge(self, question: AuthzQuestion, moment: _Moment) -> tuple[Decision, Taken | None]:
        # Before the first proof the state may lack even old events, so it counts as unknown.
        state = None if self._lease.proven_s is None else self._replica.state
        decision = decide_access(
            question.request, state, self._policy.route_map, moment.at, lease_held=moment.lease_held
        )
        if (shadow := self._in_force.shadow) is not None:
            shadow.compare(question.request, decision, state)
        if decision.reason is not None or state is None or decision.key_id is None:
            return decision, None
        key = state.subscriber_key(decision.key_id)
        taken = self._limiter.take(key, moment.steady_s) if isinstance(key, ActiveSubscriberKey) else None
        if taken is None or taken.conforms:
            return decision, None
        return replace(decision, reason=Reason.RATE_LIMITED), taken

    def _answer(self, decided: _Decided, lease_held: bool) -> AuthzAnswer:
        question, event = decided.question, decided.event
        if event.is_public:
            return self._allow_public(question, event)
        reason = decided.reason
        if reason is None and not lease_held:
            reason = Reason.STALE
        self._answered[reason or _ALLOW] += 1
        if reason is None:
            return self._answers.allow(event, in_authorization=question.in_authorization)
        return self._answers.deny(reason, event.event_id, question.gateway, decided.taken)

    def _allow_public(self, question: AuthzQuestion, event: AccessEvent) -> AuthzAnswer:
        # No key was looked at, so it does not matter whether the state is up to date.
        self._answered[_PUBLIC] += 1
        return self._answers.allow_public(event, in_authorization=question.in_authorization)

    def _answer_counted(self, counted: _Counted, is_counted: bool) -> AuthzAnswer:
        question, reason, event = counted.question, counted.reason, counted.event
        if not is_counted:
            return self._answers.journal_unavailable(question.gateway.kind)
        if reason is None:
            return self._allow_public(question, event)
        self._answered[reason] += 1
        return self._answers.deny(reason, event.event_id, question.gateway)

    def register_metrics(self) -> None:
        """Let the metrics read the counts of answers whenever they are scraped."""
        metrics.DECISIONS.read_from(self._decisions)
        metrics.UNKNOWN_GATEWAYS.read_from(lambda: {(): self._unknown_gateways})

    def _decisions(self) -> Mapping[tuple[str, ...], int]:
        return {(reason,): count for reason, count in self._answered.items()}
