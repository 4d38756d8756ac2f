"""One decision by its id, for those it concerns: the answer, the reason, and what would change it."""

from typing import Final, Self

from keyfold.audit.query.resources import ActivityItem
from keyfold.audit.query.tenant_names import TenantNames
from keyfold.audit.retention import oldest_kept
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.event_explanation import EventExplanation, explain_event
from keyfold.domain.access.names import Names
from keyfold.domain.access.remedy import Mender
from keyfold.domain.ids import EventId
from keyfold.runtime.auth.caller import Caller, Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import NOT_FOUND, Answer, AnyRoute, JsonBody, Reply, Request, Roles, Route
from keyfold.store.access_log.decisions import read_decision
from keyfold.store.postgres.connection import Pool

_CONCERNED: Final = Roles(frozenset({Role.OWNER, Role.VENDOR, Role.OPERATOR}))


class ExplanationView(JsonBody):
    """Why a request was answered so, in a sentence; what would have to change, and who can change it.

    Both are null where nothing has to change, or where this version does not know the reason.
    """

    sentence: str
    remedy: str | None
    by: Mender | None

    @classmethod
    def of(cls, explanation: EventExplanation) -> Self:
        """Return what a caller sees of an explanation."""
        remedy = explanation.remedy
        return cls(
            sentence=explanation.sentence,
            remedy=None if remedy is None else remedy.change,
            by=None if remedy is None else remedy.by,
        )


class DecisionResource(ActivityItem):
    """One access event, whole, and the explanation of its decision."""

    traceparent: str | None
    explanation: ExplanationView

    @classmethod
    def explain(cls, event: AccessEvent, names: Names) -> Self:
        """Return what a caller sees of an event; `names` holds only those that the caller may know."""
        return cls(
            **dict(ActivityItem.of(event, names)),
            traceparent=event.traceparent,
            explanation=ExplanationView.of(explain_event(event)),
        )


class Decisions:
    """The handler of decisions by their ids."""

    def __init__(self, pool: Pool, names: TenantNames, clock: Clock) -> None:
        self._pool = pool
        self._names = names
        self._clock = clock

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return this part of the service's route table."""
        return (
            Route(
                method="GET",
                path="/v1/decisions/{decision_id}",
                handler=self.decision,
                rule=_CONCERNED,
                summary="One decision by its id: who asked for what, the answer, and why it was so.",
                answer=DecisionResource,
                refusals=(404,),
            ),
        )

    async def decision(self, request: Request[None, None]) -> Reply:
        """Answer with a decision; to a caller it does not concern, it does not exist."""
        event_id = EventId(request.path["decision_id"])
        event = await read_decision(self._pool, event_id, oldest_kept(self._clock.now()))
        if event is None or not concerns(event, request.caller):
            return NOT_FOUND
        names = await self._names.of([event], with_keys=request.caller.role is not Role.VENDOR)
        return Answer(body=DecisionResource.explain(event, names))


def concerns(event: AccessEvent, caller: Caller) -> bool:
    """Tell whether a caller may see an event: an owner its account's, a vendor its own, an operator any."""
    match caller.role:
        case Role.OWNER:
            return caller.account_id is not None and caller.account_id == event.account_id
        case Role.VENDOR:
            return caller.vendor_id is not None and caller.vendor_id == event.vendor_id
        case Role.OPERATOR:
            return True
        case _:
            return False
