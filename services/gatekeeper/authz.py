"""May this request pass? Recognise the gateway, decide, write it down, answer."""

from libs.domain.decision import Decision, Reason, Request, decide_access
from libs.runtime.clock import Clock
from services.gatekeeper import metrics
from services.gatekeeper.access_draft import access_draft
from services.gatekeeper.answers import Answer, Answers
from services.gatekeeper.client_address import client_address
from services.gatekeeper.gateway_warnings import GatewayWarnings
from services.gatekeeper.gateways import TOKEN_HEADER, Gateway
from services.gatekeeper.headers import Headers
from services.gatekeeper.journal import Journal
from services.gatekeeper.lease import Lease
from services.gatekeeper.original_request import original_request
from services.gatekeeper.policy import Policy
from services.gatekeeper.presented_keys import presented_keys
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
        original = original_request(gateway.kind, method, raw_path, headers)
        if original.lacks is not None:
            self._warnings.misconfigured(gateway.name, original.lacks)
        keys = presented_keys(self._policy.key_headers, headers)
        request = Request(
            vendor_key=keys.vendor,
            subscriber_key=keys.subscriber,
            method=original.method,
            target=original.target if original.is_clear else None,
        )
        position = self._replica.position
        decision = self._decide(request)
        event_id = self._clock.new_event_id()
        draft = access_draft(
            decision,
            original,
            headers,
            event_id=event_id,
            at=self._clock.now(),
            position=position,
            gateway=gateway.name,
            client_ip=client_address(gateway.kind, self._policy.client_ip, headers),
        )
        if not await self._journal.append(draft):
            return self._answers.journal_unavailable(gateway.kind)
        reason = decision.reason
        if reason is None and not self._still_allows(request, position):
            reason = Reason.STALE
        self._counters[reason].inc()
        if reason is not None:
            return self._answers.deny(reason, event_id, gateway.kind)
        return self._answers.allow(decision, event_id, position, in_authorization=keys.in_authorization)

    def _decide(self, request: Request) -> Decision:
        return decide_access(
            request,
            self._replica.state,
            self._policy.route_map,
            self._clock.now(),
            lease_held=self._lease.is_held(self._clock.monotonic_s()),
        )

    def _still_allows(self, request: Request, position: int) -> bool:
        # The process may have slept between the decision and the end of the write, or a revocation may have
        # been applied and confirmed meanwhile. An allow in the journal that was never sent does no harm.
        if position != self._replica.position:
            return self._decide(request).reason is None
        return self._lease.is_held(self._clock.monotonic_s())
