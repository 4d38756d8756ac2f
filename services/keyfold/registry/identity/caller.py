"""The caller over HTTP: what the login of a token is here."""

from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import Answer, AnyLogin, AnyRoute, Instant, JsonBody, Reply, Request, Route


class CallerResource(JsonBody):
    """What a login is here, and until when its token is good (null: for ever).

    `role` is null for one that speaks for nobody yet. `account_id` belongs to an owner; `vendor_id` to a
    vendor, once it has one.
    """

    role: Role | None
    sub: str
    account_id: str | None
    vendor_id: str | None
    expires_at: Instant | None


class CallerRoutes:
    """The call about the caller."""

    def routes(self) -> list[AnyRoute]:
        """Return the row of the route table."""
        return [
            Route(
                method="GET",
                path="/v1/caller",
                handler=self.show_caller,
                rule=AnyLogin(),
                summary="What the login of this token is here.",
                answer=CallerResource,
            )
        ]

    async def show_caller(self, request: Request[None, None]) -> Reply:
        """Show the caller to itself."""
        caller = request.caller
        return Answer(
            body=CallerResource(
                role=caller.role,
                sub=caller.sub,
                account_id=caller.account_id,
                vendor_id=caller.vendor_id,
                expires_at=caller.expires_at,
            )
        )
