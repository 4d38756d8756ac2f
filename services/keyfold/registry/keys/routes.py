"""Subscriber keys over HTTP: made, edited, rotated and revoked by the account's owner."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from pydantic import BaseModel

from keyfold.domain.ids import AccountId, KeyId, key_stream
from keyfold.domain.lifecycle.aggregates import SUBSCRIBER_KEY
from keyfold.domain.lifecycle.keys import KeyState, state_at
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.domain.lifecycle.subscriber_key_commands import (
    RevokeSubscriberKey,
    RotateSubscriberKey,
    SubscriberKeyCommand,
)
from keyfold.registry.bodies import KeyChanges, NewKey, Rotation, accesses
from keyfold.registry.commands.http import CommandsOverHttp, answer_with_etag, show_subject
from keyfold.registry.commands.new_ids import mint_key, mint_secret
from keyfold.registry.reads import Folded, Reads, cut_list, read_before
from keyfold.registry.resources import (
    CreatedKey,
    EditedKey,
    KeyPage,
    KeyResource,
    KeyWithSecret,
    key_resource,
    warnings_of,
)
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import (
    NOT_FOUND,
    Answer,
    AnyRoute,
    OwnAccount,
    PageQuery,
    Reply,
    Request,
    Route,
    page,
)
from keyfold.wire.keys.format import KeyKind

B = TypeVar("B", bound=BaseModel | None)

_ALL: Final = "/v1/accounts/{account_id}/keys"
# Beside `/keys/revoke`, which is no key.
_ONE: Final = _ALL + "/{key_id:(?!revoke$)[^/]+}"


class KeyQuery(PageQuery):
    """A page of keys, of all or of those in one state."""

    state: KeyState | None = None


class Keys:
    """The calls about subscriber keys."""

    def __init__(
        self, commands: CommandsOverHttp, reads: Reads, clock: Clock, *, account_keys_max: int
    ) -> None:
        self._commands = commands
        self._reads = reads
        self._clock = clock
        self._account_keys_max = account_keys_max

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="POST",
                path=_ALL,
                handler=self.create_key,
                rule=OwnAccount(),
                summary="Make a key; its secret is in this answer and nowhere else.",
                body=NewKey,
                answer=CreatedKey,
                status=201,
                refusals=(409, 412),
            ),
            Route(
                method="GET",
                path=_ALL,
                handler=self.list_keys,
                rule=OwnAccount(),
                summary="The account's keys, newest first.",
                query=KeyQuery,
                answer=KeyPage,
            ),
            Route(
                method="GET",
                path=_ONE,
                handler=self.get_key,
                rule=OwnAccount(),
                summary="A key.",
                answer=KeyResource,
                also_answers={304: None},
                refusals=(412,),
            ),
            Route(
                method="PATCH",
                path=_ONE,
                handler=self.edit_key,
                rule=OwnAccount(),
                summary="Change what is named of a key, also within its permissions; the rest stays.",
                body=KeyChanges,
                answer=EditedKey,
                refusals=(409, 412),
            ),
            Route(
                method="POST",
                path=_ONE + "/rotate",
                handler=self.rotate_key,
                rule=OwnAccount(),
                summary="Give a key a new secret; the one before works on until the overlap ends.",
                body=Rotation,
                answer=KeyWithSecret,
                refusals=(409, 412),
            ),
            Route(
                method="DELETE",
                path=_ONE,
                handler=self.revoke_key,
                rule=OwnAccount(),
                summary="Revoke a key, for ever; again changes nothing.",
                answer=KeyResource,
                refusals=(409, 412),
            ),
        ]

    async def create_key(self, request: Request[NewKey, None]) -> Reply:
        """Make a key; its secret is in this answer and nowhere else."""
        minted = mint_key(KeyKind.SUBSCRIBER, self._clock)
        account_id, body = AccountId(request.path["account_id"]), request.body
        command = body.to_command(account_id, minted, live_keys_max=self._account_keys_max)

        def to_body(key: SubscriberKey, version: int, now: datetime) -> CreatedKey:
            resource = key_resource(key, version, now)
            warnings = warnings_of(accesses(body.permissions))
            return CreatedKey(key=resource, secret=minted.secret, warnings=warnings)

        location = f"/v1/accounts/{account_id}/keys/{minted.key_id}"
        show = show_subject(SUBSCRIBER_KEY, to_body, location=location)
        return await self._commands.respond(request, command, show)

    async def list_keys(self, request: Request[None, KeyQuery]) -> Reply:
        """Show a page of the account's keys."""
        query, account_id = request.query, AccountId(request.path["account_id"])
        model, now = await self._reads.catch_up(), self._clock.now()
        listed = await model.list_keys(
            account_id, state=query.state, now=now, before=read_before(query), limit=query.rows_max
        )
        shown, next_cursor = cut_list(listed, query)
        found = await self._reads.find_all(SUBSCRIBER_KEY, [key_stream(KeyId(each.id)) for each in shown])
        keys = [
            each
            for each in found
            if each.aggregate.account_id == account_id
            and query.state in (None, state_at(each.aggregate, now))
        ]
        return Answer(body=page(await self._make_resources(keys, now), next_cursor))

    async def get_key(self, request: Request[None, None]) -> Reply:
        """Show a key."""
        account_id, key_id = _ids_of(request)
        found = await self._reads.find(SUBSCRIBER_KEY, key_stream(key_id))
        if found is None or found.aggregate.account_id != account_id:
            return NOT_FOUND
        (resource,) = await self._make_resources([found], self._clock.now())
        return answer_with_etag(resource, found.version)

    async def edit_key(self, request: Request[KeyChanges, None]) -> Reply:
        """Change what the request names of a key."""

        def to_body(key: SubscriberKey, version: int, now: datetime) -> EditedKey:
            resource = key_resource(key, version, now)
            return EditedKey(**dict(resource), warnings=warnings_of(accesses(request.body.permissions)))

        return await self._change(request, request.body.to_command(*_ids_of(request)), to_body)

    async def rotate_key(self, request: Request[Rotation, None]) -> Reply:
        """Replace a key's secret."""
        account_id, key_id = _ids_of(request)
        minted = mint_secret(KeyKind.SUBSCRIBER, key_id, self._clock)
        if minted is None:
            return NOT_FOUND
        command = RotateSubscriberKey(
            account_id=account_id,
            key_id=key_id,
            digest=minted.digest,
            secret_hint=minted.secret_hint,
            overlap=timedelta(seconds=request.body.overlap_s),
        )

        def to_body(key: SubscriberKey, version: int, now: datetime) -> KeyWithSecret:
            return KeyWithSecret(key=key_resource(key, version, now), secret=minted.secret)

        return await self._change(request, command, to_body)

    async def revoke_key(self, request: Request[None, None]) -> Reply:
        """Stop a key for ever; one that is stopped already stays so, with the same answer."""
        account_id, key_id = _ids_of(request)
        command = RevokeSubscriberKey(account_id=account_id, key_id=key_id)
        return await self._change(request, command, key_resource)

    async def _change(
        self,
        request: Request[B, None],
        command: SubscriberKeyCommand,
        to_body: Callable[[SubscriberKey, int, datetime], BaseModel],
    ) -> Reply:
        reply = await self._commands.respond(request, command, show_subject(SUBSCRIBER_KEY, to_body))
        return await self._reads.add_last_use(reply, command.key_id)

    async def _make_resources(
        self, keys: Sequence[Folded[SubscriberKey]], now: datetime
    ) -> list[KeyResource]:
        last_uses = await self._reads.read_last_uses([each.aggregate.key_id for each in keys])
        return [
            key_resource(each.aggregate, each.version, now, last_uses[each.aggregate.key_id]) for each in keys
        ]


def _ids_of(request: Request[B, None]) -> tuple[AccountId, KeyId]:
    return AccountId(request.path["account_id"]), KeyId(request.path["key_id"])
