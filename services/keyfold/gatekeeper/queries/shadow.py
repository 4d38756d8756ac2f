"""The findings of shadow mode, for operators."""

from pydantic import Field

from keyfold.domain.access.route_map import MappedRequest
from keyfold.domain.permissions import AccessWord, Category
from keyfold.gatekeeper.authz.policy_in_force import PolicyInForce
from keyfold.gatekeeper.authz.shadow import Becomes, ShadowDifference
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import Answer, AnyRoute, Instant, JsonBody, Reply, Request, Roles, Route


class MappedView(JsonBody):
    """What a map makes of the request; all null where it has no route for it.

    `ambiguous` says why there is none: the map's routes differ about its readings. A public route has a line
    and no category.
    """

    line: int | None
    pattern: str | None
    category: Category | None
    access: AccessWord | None
    ambiguous: bool


class DifferenceView(JsonBody):
    """One distinct difference between the two maps, and what would become of the decisions."""

    method: str
    old: MappedView
    new: MappedView
    becomes: Becomes
    count: int
    first_at: Instant
    last_at: Instant
    examples: list[str]


class ShadowView(JsonBody):
    """Shadow mode of this gatekeeper process since `since`; null where it is off.

    `compared` are the decisions that were looked at, `not_kept` differences for which there was no room.
    """

    running: bool
    since: Instant | None = None
    compared: int = 0
    not_kept: int = 0
    items: list[DifferenceView] = Field(default_factory=list)


class ShadowRoutes:
    """The route that shows them."""

    def __init__(self, in_force: PolicyInForce) -> None:
        self._in_force = in_force

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return the route of shadow mode."""
        return (
            Route(
                method="GET",
                path="/v1/shadow",
                handler=self.shadow,
                rule=Roles(frozenset({Role.OPERATOR})),
                summary="Where the shadow route map would have decided otherwise, in this process.",
                answer=ShadowView,
            ),
        )

    async def shadow(self, _request: Request[None, None]) -> Reply:
        """Answer `GET /v1/shadow`."""
        shadow = self._in_force.shadow
        if shadow is None:
            return Answer(body=ShadowView(running=False))
        return Answer(
            body=ShadowView(
                running=shadow.is_running,
                since=shadow.since,
                compared=shadow.compared,
                not_kept=shadow.not_kept,
                items=[_view(each) for each in shadow.differences],
            )
        )


def _view(difference: ShadowDifference) -> DifferenceView:
    return DifferenceView(
        method=difference.method,
        old=_view_mapped(difference.old),
        new=_view_mapped(difference.new),
        becomes=difference.becomes,
        count=difference.count,
        first_at=difference.first_at,
        last_at=difference.last_at,
        examples=difference.examples,
    )


def _view_mapped(asked: MappedRequest) -> MappedView:
    return MappedView(
        line=asked.line,
        pattern=asked.pattern,
        category=asked.category,
        access=None if asked.access is None else asked.access.word,
        ambiguous=not asked.is_clear,
    )
