"""Accounts over HTTP: opened by an operator, switched by their owner."""

from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from keyfold.domain.ids import AccountId, account_stream
from keyfold.domain.lifecycle.account import Account, AccountCommand, CreateAccount, SetIntegrations, decide
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.refusal import Refusal
from keyfold.registry.bodies import Integrations, NewAccount
from keyfold.registry.commands.execution import Command
from keyfold.registry.commands.http import CommandsOverHttp, shown, with_etag
from keyfold.registry.commands.kinds import ACCOUNT, held
from keyfold.registry.commands.new_ids import new_account_id
from keyfold.registry.reads import Reads
from keyfold.registry.resources import AccountResource, account_resource
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import NOT_FOUND, AnyRoute, OwnAccount, Reply, Request, Roles, Route
from keyfold.store.ledger.read_set import ReadSetValues

B = TypeVar("B", bound=BaseModel | None)


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
        account_id = new_account_id(self._clock)
        command = CreateAccount(account_id=account_id, name=request.body.name)
        return await self._done(request, account_id, command, location=f"/v1/accounts/{account_id}")

    async def get_account(self, request: Request[None, None]) -> Reply:
        """Show an account."""
        stored = await (await self._reads.fresh()).get_account(AccountId(request.path["account_id"]))
        if stored is None:
            return NOT_FOUND
        return with_etag(account_resource(stored.aggregate, stored.version), stored.version)

    async def set_integrations(self, request: Request[Integrations, None]) -> Reply:
        """Turn the switch."""
        account_id = AccountId(request.path["account_id"])
        return await self._done(request, account_id, SetIntegrations(enabled=request.body.enabled))

    async def _done(
        self,
        request: Request[B, None],
        account_id: AccountId,
        command: AccountCommand,
        *,
        location: str | None = None,
    ) -> Reply:
        stream = account_stream(account_id)

        def decided(loaded: ReadSetValues, _now: datetime) -> tuple[LifecycleEvent, ...] | Refusal:
            return decide(command, held(loaded.streams[stream].aggregate, ACCOUNT))

        show = shown(stream, ACCOUNT, _resource, location=location)
        return await self._commands.respond(request, Command(subject=stream, decide=decided, show=show))


def _resource(account: Account, version: int, _now: datetime) -> AccountResource:
    return account_resource(account, version)
