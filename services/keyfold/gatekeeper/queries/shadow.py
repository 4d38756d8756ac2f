"""The findings of shadow mode, for operators."""

from pydantic import Field

from keyfold.domain.permissions import AccessWord, Category
from keyfold.gatekeeper.authz.shadow import Becomes, Mapped, Shadow, ShadowDifference
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import Answer, AnyRoute, Instant, JsonBody, Reply, Request, Roles, Route


class MappedView(JsonBody):
    """What a map makes of the request; all null where it has no route for it."""

    line: int | None
    pattern: str | None
    category: Category | None
    access: AccessWord | None


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

    def __init__(self, shadow: Shadow | None) -> None:
        self._shadow = shadow

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
        shadow = self._shadow
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


def _view_mapped(mapped: Mapped) -> MappedView:
    return MappedView(
        line=mapped.line,
        pattern=mapped.pattern,
        category=mapped.category,
        access=None if mapped.access is None else mapped.access.word,
    )
