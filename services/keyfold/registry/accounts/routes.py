"""Accounts over HTTP: opened by an operator, switched by their owner."""

from datetime import datetime

from keyfold.domain.ids import AccountId, account_stream
from keyfold.domain.lifecycle.account import Account, CreateAccount, SetIntegrations
from keyfold.domain.lifecycle.aggregates import ACCOUNT
from keyfold.registry.bodies import Integrations, NewAccount
from keyfold.registry.commands.http import CommandsOverHttp, answer_with_etag, show_subject
from keyfold.registry.commands.new_ids import make_account_id
from keyfold.registry.reads import Reads
from keyfold.registry.resources import AccountResource, account_resource
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import NOT_FOUND, AnyRoute, OwnAccount, Reply, Request, Roles, Route


class Accounts:
    """The calls about accounts."""

    def __init__(self, commands: CommandsOverHttp, reads: Reads, clock: Clock) -> None:
        self._commands = commands
        self._reads = reads
        self._clock = clock

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="POST",
                path="/v1/accounts",
                handler=self.create_account,
                rule=Roles(frozenset({Role.OPERATOR})),
                summary="Open an account, with API integrations off.",
                body=NewAccount,
                answer=AccountResource,
                status=201,
                refusals=(409, 412),
            ),
            Route(
                method="GET",
                path="/v1/accounts/{account_id}",
                handler=self.get_account,
                rule=OwnAccount(),
                summary="An account.",
                answer=AccountResource,
                also_answers={304: None},
                refusals=(412,),
            ),
            Route(
                method="PUT",
                path="/v1/accounts/{account_id}/integrations",
                handler=self.set_integrations,
                rule=OwnAccount(),
                summary="Turn API integrations on or off; off stops every key of the account and loses none.",
                body=Integrations,
                answer=AccountResource,
                refusals=(409, 412),
            ),
        ]

    async def create_account(self, request: Request[NewAccount, None]) -> Reply:
        """Open an account."""
        account_id = make_account_id(self._clock)
        command = CreateAccount(account_id=account_id, name=request.body.name)
        show = show_subject(ACCOUNT, _to_body, location=f"/v1/accounts/{account_id}")
        return await self._commands.respond(request, command, show)

    async def get_account(self, request: Request[None, None]) -> Reply:
        """Show an account."""
        found = await self._reads.find(ACCOUNT, account_stream(AccountId(request.path["account_id"])))
        if found is None:
            return NOT_FOUND
        return answer_with_etag(account_resource(found.aggregate, found.version), found.version)

    async def set_integrations(self, request: Request[Integrations, None]) -> Reply:
        """Turn the switch."""
        account_id = AccountId(request.path["account_id"])
        command = SetIntegrations(account_id=account_id, enabled=request.body.enabled)
        return await self._commands.respond(request, command, show_subject(ACCOUNT, _to_body))


def _to_body(account: Account, version: int, _now: datetime) -> AccountResource:
    return account_resource(account, version)
