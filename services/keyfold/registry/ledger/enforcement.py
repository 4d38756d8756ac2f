"""Enforcement over HTTP, for operators: which gatekeepers are how far, and who is in the way of what."""

from pydantic import Field

from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import (
    Answer,
    AnyRoute,
    GivenInt,
    Instant,
    JsonBody,
    QueryString,
    Reply,
    Request,
    Roles,
    Route,
)
from keyfold.store.enforcement.positions import Enforcement, GatekeeperLag
from keyfold.store.ledger.reading import LedgerReader


class EnforcementQuery(QueryString):
    """Which position; the ledger's last one if none is named."""

    position: GivenInt | None = Field(None, ge=0, lt=2**63)


class GatekeeperStanding(JsonBody):
    """Whether a gatekeeper process goes by the position.

    `renewed_at` is when it was last heard, `lease_until` until when it may go on from then; null where it
    answers without a lease. It is in the way where it has not applied the position and may still allow
    something: until some seconds after its lease.
    """

    id: str
    host: str
    applied_position: int
    renewed_at: Instant
    lease_until: Instant | None
    in_the_way: bool


class EnforcementView(JsonBody):
    """Whether a position is in force everywhere, and at most 1,000 gatekeepers, those in the way first."""

    position: int
    enforced: bool
    gatekeepers: list[GatekeeperStanding]


class EnforcementViews:
    """The call about enforcement."""

    def __init__(self, ledger: LedgerReader, enforcement: Enforcement) -> None:
        self._ledger = ledger
        self._enforcement = enforcement

    def routes(self) -> list[AnyRoute]:
        """Return the row of the route table."""
        return [
            Route(
                method="GET",
                path="/v1/enforcement",
                handler=self.show,
                rule=Roles(frozenset({Role.OPERATOR})),
                summary="Whether a position is in force everywhere, and which gatekeepers are how far.",
                query=EnforcementQuery,
                answer=EnforcementView,
            )
        ]

    async def show(self, request: Request[None, EnforcementQuery]) -> Reply:
        """Answer `GET /v1/enforcement`."""
        # Read the head first: about any position up to it, the rows that are read next say everything.
        head = await self._ledger.head()
        asked = request.query.position
        position = head.position if asked is None else asked
        standings = await self._enforcement.holders(position)
        is_clear = not any(each.is_in_the_way for each in standings)
        return Answer(
            body=EnforcementView(
                position=position,
                enforced=position <= head.position and is_clear,
                gatekeepers=[_describe(each) for each in standings],
            )
        )


def _describe(standing: GatekeeperLag) -> GatekeeperStanding:
    return GatekeeperStanding(
        id=standing.id,
        host=standing.host,
        applied_position=standing.applied_position,
        renewed_at=standing.renewed_at,
        lease_until=standing.lease_until,
        in_the_way=standing.is_in_the_way,
    )
