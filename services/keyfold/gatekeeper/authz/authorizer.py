"""May this request pass? Recognise the gateway, decide, write it down, answer."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

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
from keyfold.gatekeeper.authz.rate_limiter import RateLimiter
from keyfold.gatekeeper.authz.recording import access_event
from keyfold.gatekeeper.authz.request.callers import AuthzCallers
from keyfold.gatekeeper.authz.request.headers import Fields
from keyfold.gatekeeper.authz.request.question import AuthzQuestion, Questions
from keyfold.gatekeeper.authz.shadow import Shadow
from keyfold.gatekeeper.gateways import Gateway
from keyfold.gatekeeper.journal.writer import Journal
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.runtime.clock import Clock
from keyfold.wire.access.codec import encode_access_event
from keyfold.wire.journal.line import journal_line

log = structlog.get_logger(__name__)


class Exchange(Protocol):
    """A question on its way; whoever carries it takes the answer back."""

    def respond(self, answer: AuthzAnswer) -> None:
        """Carry the answer to the gateway. It raises nothing."""
        ...


_Asked = tuple[Exchange, str, str, Fields]


class _Moment(Struct, frozen=True, gc=False):
    """The time of a tick: on the wall, on the steady clock, and whether the lease held then."""

    at: datetime
    steady_s: float
    lease_held: bool


class _Decided(Struct, frozen=True, gc=False):
    """A decision with its record; `taken` is how the key's rate limit stands, where one was asked."""

    question: AuthzQuestion
    reason: Reason | None
    event: AccessEvent
    taken: Taken | None


class _Counted(Struct, frozen=True, gc=False):
    """A denial that one event records together with others."""

    gateway: Gateway
    reason: Reason
    event_id: str


class Authz:
    """Answers gateways. It waits for nothing but the journal's write, and never reads a body.

    All questions of one event-loop tick are decided, written in one write and answered together, in their
    order. Nothing else runs meanwhile, so that no event can come between a decision, its record and its
    answer.
    """

    def __init__(
        self,
        policy: AuthzPolicy,
        replica: Replica,
        lease: Lease,
        journal: Journal,
        limiter: RateLimiter,
        clock: Clock,
        shadow: Shadow | None = None,
        floods: DenialAggregation | None = None,
    ) -> None:
        self._callers = AuthzCallers(policy.gateways, policy.key_headers)
        self._questions = Questions(policy)
        self.field_names = self._questions.field_names
        self._policy = policy
        self._replica = replica
        self._lease = lease
        self._journal = journal
        self._limiter = limiter
        self._shadow = shadow
        self._floods = floods
        self._templates = policy.route_map if policy.paths == "template" else None
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._answers = Answers(policy.key_headers)
        self._warnings = GatewayWarnings(clock)
        self._asked: list[_Asked] = []
        self._unknown_gateways = 0
        self._answered: dict[Reason | None, int] = dict.fromkeys((None, *Reason), 0)

    def ask(self, exchange: Exchange, method: str, raw_target: str, fields: Fields) -> None:
        """Take a question, which is answered in this tick; `raw_target` is the target exactly as sent."""
        if not self._asked:
            self._loop.call_soon(self._answer_all)
        self._asked.append((exchange, method, raw_target, fields))

    def _answer_all(self) -> None:
        asked, self._asked = self._asked, []
        steady_s = self._clock.monotonic_s()
        moment = _Moment(self._clock.now(), steady_s, self._lease.is_held(steady_s))
        lines: list[bytes] = []
        outcomes = [self._outcome(each, moment, lines) for each in asked]
        refused_seq = self._journal.next_seq
        refused_seq += self._journal.append(lines)
        is_counted = self._floods is None or self._floods.write_down()
        # The process may have slept since it decided. An allow that is written and never sent does no harm.
        lease_held = self._lease.is_held(self._clock.monotonic_s())
        for (exchange, _, _, _), outcome in zip(asked, outcomes, strict=True):
            if isinstance(outcome, AuthzAnswer):
                exchange.respond(outcome)
            elif isinstance(outcome, _Counted):
                exchange.respond(self._answer_to_one_of_many(outcome, is_counted))
            elif outcome.event.seq >= refused_seq:
                exchange.respond(self._answers.journal_unavailable(outcome.question.gateway.kind))
            else:
                exchange.respond(self._answer(outcome, lease_held))

    def _outcome(
        self, asked: _Asked, moment: _Moment, lines: list[bytes]
    ) -> _Decided | _Counted | AuthzAnswer:
        """Decide, and write what is to be journalled to the lines."""
        try:
            return self._decided(asked, moment, lines)
        except Exception as bug:  # it is this request's alone, and takes no number
            log.error("decision_failed", exc_info=bug)
            return self._answers.failed()

    def _decided(
        self, asked: _Asked, moment: _Moment, lines: list[bytes]
    ) -> _Decided | _Counted | AuthzAnswer:
        _, method, raw_target, fields = asked
        caller = self._callers.of(fields)
        if caller is None:
            self._unknown_gateways += 1
            return self._answers.unknown_gateway()
        gateway = caller.gateway
        question = self._questions.read(caller, method, raw_target, fields)
        if question.original.lacks is not None:
            self._warnings.misconfigured(gateway.name, question.original.lacks)
        decision, taken = self._decision(question, moment)
        reason = decision.reason
        if reason is not None and self._floods is not None:
            count = self._floods.count_of(decision, question, moment.at, self._replica.position)
            if count is not None:
                return _Counted(gateway, reason, count.event.event_id)
        event = access_event(
            decision,
            question,
            event_id=self._clock.new_event_id(),
            at=moment.at,
            position=self._replica.position,
            gatekeeper=self._journal.run_id,
            seq=self._journal.next_seq + len(lines),
            templates=self._templates,
        )
        lines.append(journal_line(encode_access_event(event)))
        return _Decided(question, decision.reason, event, taken)

    def _decision(self, question: AuthzQuestion, moment: _Moment) -> tuple[Decision, Taken | None]:
        # Before the first proof the state may lack what was committed long ago, so nothing is known at all.
        state = None if self._lease.proven_s is None else self._replica.state
        decision = decide_access(
            question.request, state, self._policy.route_map, moment.at, lease_held=moment.lease_held
        )
        if self._shadow is not None:
            self._shadow.compare(question.request, decision, state)
        if decision.reason is not None or state is None or decision.key_id is None:
            return decision, None
        key = state.subscriber_key(decision.key_id)
        taken = self._limiter.take(key, moment.steady_s) if isinstance(key, ActiveSubscriberKey) else None
        if taken is None or taken.conforms:
            return decision, None
        return replace(decision, reason=Reason.RATE_LIMITED), taken

    def _answer(self, decided: _Decided, lease_held: bool) -> AuthzAnswer:
        question, event = decided.question, decided.event
        reason = decided.reason
        if reason is None and not lease_held:
            reason = Reason.STALE
        self._answered[reason] += 1
        if reason is None:
            return self._answers.allow(event, in_authorization=question.in_authorization)
        return self._answers.deny(reason, event.event_id, question.gateway, decided.taken)

    def _answer_to_one_of_many(self, counted: _Counted, is_counted: bool) -> AuthzAnswer:
        if not is_counted:
            return self._answers.journal_unavailable(counted.gateway.kind)
        self._answered[counted.reason] += 1
        return self._answers.deny(counted.reason, counted.event_id, counted.gateway)

    def count(self) -> None:
        """Let the metrics count what was answered; they ask for it when they are read."""
        metrics.DECISIONS.read_from(self._decisions)
        metrics.UNKNOWN_GATEWAYS.read_from(lambda: {(): self._unknown_gateways})

    def _decisions(self) -> Mapping[tuple[str, ...], int]:
        return {(reason or "allow",): count for reason, count in self._answered.items()}
