"""Subscriber keys over HTTP: made, edited, rotated and revoked by the account's owner."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from pydantic import BaseModel

from keyfold.domain.ids import AccountId, KeyId, VendorId, key_stream
from keyfold.domain.lifecycle.keys import KeyState
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.domain.lifecycle.subscriber_key_commands import (
    UNSET,
    CreateSubscriberKey,
    EditSubscriberKey,
    RevokeSubscriberKey,
    RotateSubscriberKey,
)
from keyfold.domain.permissions import Permissions
from keyfold.registry.bodies import (
    KeyChanges,
    NewKey,
    Rotation,
    accesses,
    networks_of,
    rate_limit_of,
    vendor_ids_of,
)
from keyfold.registry.commands.http import CommandsOverHttp, shown, with_etag
from keyfold.registry.commands.kinds import SUBSCRIBER_KEY, held
from keyfold.registry.commands.new_ids import new_key, new_secret
from keyfold.registry.keys.commands import CommandAt, key_command
from keyfold.registry.reads import Reads, before, shown_of
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
from keyfold.store.ledger.read_set import ReadSetValues
from keyfold.store.read_model.reader import Stored
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
        minted = new_key(KeyKind.SUBSCRIBER, self._clock)
        account_id, body = AccountId(request.path["account_id"]), request.body
        granted, vendor_ids = accesses(body.permissions), vendor_ids_of(body.vendor_ids)

        def create(loaded: ReadSetValues, now: datetime) -> CreateSubscriberKey:
            return CreateSubscriberKey(
                key_id=minted.key_id,
                name=body.name,
                permissions=Permissions.of(granted),
                vendor_ids=vendor_ids,
                networks=networks_of(body.networks),
                rate_limit=rate_limit_of(body.rate_limit),
                expires_at=body.expires_at,
                digest=minted.digest,
                secret_hint=minted.secret_hint,
                created_at=now,
                live_keys=loaded.account_keys[account_id].live,
                live_keys_max=self._account_keys_max,
            )

        def show(key: SubscriberKey, version: int, now: datetime) -> CreatedKey:
            resource = key_resource(key, version, now=now)
            return CreatedKey(key=resource, secret=minted.secret, warnings=warnings_of(granted))

        location = f"/v1/accounts/{account_id}/keys/{minted.key_id}"
        command = key_command(
            account_id,
            minted.key_id,
            create,
            vendor_ids=vendor_ids or (),
            counts_keys=True,
            show=shown(key_stream(minted.key_id), SUBSCRIBER_KEY, show, location=location),
        )
        return await self._commands.respond(request, command)

    async def list_keys(self, request: Request[None, KeyQuery]) -> Reply:
        """Show a page of the account's keys."""
        query = request.query
        model = await self._reads.fresh()
        found = await model.list_keys(
            AccountId(request.path["account_id"]),
            state=query.state,
            now=self._clock.now(),
            before=before(query),
            limit=query.rows_max,
        )
        keys, next_cursor = shown_of(found, query)
        return Answer(body=page(await self._shown(keys), next_cursor))

    async def get_key(self, request: Request[None, None]) -> Reply:
        """Show a key."""
        stored = await (await self._reads.fresh()).get_key(KeyId(request.path["key_id"]))
        key = None if stored is None else held(stored.aggregate, SUBSCRIBER_KEY)
        if stored is None or key is None or key.account_id != request.path["account_id"]:
            return NOT_FOUND
        return with_etag(await self._resource(key, stored.version), stored.version)

    async def edit_key(self, request: Request[KeyChanges, None]) -> Reply:
        """Change what the request names of a key."""
        body, named = request.body, request.body.model_fields_set
        granted, vendor_ids = accesses(body.permissions), vendor_ids_of(body.vendor_ids)

        def edit(_loaded: ReadSetValues, now: datetime) -> EditSubscriberKey:
            return EditSubscriberKey(
                at=now,
                name=body.name if "name" in named else UNSET,
                permissions=granted if "permissions" in named else UNSET,
                vendor_ids=vendor_ids if "vendor_ids" in named else UNSET,
                networks=networks_of(body.networks) if "networks" in named else UNSET,
                rate_limit=rate_limit_of(body.rate_limit) if "rate_limit" in named else UNSET,
                expires_at=body.expires_at if "expires_at" in named else UNSET,
            )

        def show(key: SubscriberKey, version: int, now: datetime) -> EditedKey:
            resource = key_resource(key, version, now=now)
            return EditedKey(**dict(resource), warnings=warnings_of(granted))

        return await self._changed(request, edit, show, vendor_ids or ())

    async def rotate_key(self, request: Request[Rotation, None]) -> Reply:
        """Put a new secret in the old one's place."""
        minted = new_secret(KeyKind.SUBSCRIBER, KeyId(request.path["key_id"]), self._clock)
        if minted is None:
            return NOT_FOUND
        overlap = timedelta(seconds=request.body.overlap_s)

        def rotate(_loaded: ReadSetValues, now: datetime) -> RotateSubscriberKey:
            return RotateSubscriberKey(
                digest=minted.digest, secret_hint=minted.secret_hint, rotated_at=now, overlap=overlap
            )

        def show(key: SubscriberKey, version: int, now: datetime) -> KeyWithSecret:
            resource = key_resource(key, version, now=now)
            return KeyWithSecret(key=resource, secret=minted.secret)

        return await self._changed(request, rotate, show)

    async def revoke_key(self, request: Request[None, None]) -> Reply:
        """Stop a key for ever; one that is stopped already stays so, with the same answer."""

        def revoke(_loaded: ReadSetValues, now: datetime) -> RevokeSubscriberKey:
            return RevokeSubscriberKey(revoked_at=now)

        def show(key: SubscriberKey, version: int, now: datetime) -> KeyResource:
            return key_resource(key, version, now=now)

        return await self._changed(request, revoke, show)

    async def _changed(
        self,
        request: Request[B, None],
        command_at: CommandAt,
        show: Callable[[SubscriberKey, int, datetime], BaseModel],
        vendor_ids: Sequence[VendorId] = (),
    ) -> Reply:
        account_id, key_id = AccountId(request.path["account_id"]), KeyId(request.path["key_id"])
        what_to_show = shown(key_stream(key_id), SUBSCRIBER_KEY, show)
        command = key_command(account_id, key_id, command_at, vendor_ids=vendor_ids, show=what_to_show)
        return await self._reads.completed(await self._commands.respond(request, command), key_id)

    async def _resource(self, key: SubscriberKey, version: int) -> KeyResource:
        last_used = await self._reads.last_used([key.key_id])
        return key_resource(key, version, now=self._clock.now(), last=last_used[key.key_id])

    async def _shown(self, keys: Sequence[Stored[SubscriberKey]]) -> list[KeyResource]:
        last_used = await self._reads.last_used([each.aggregate.key_id for each in keys])
        now = self._clock.now()
        return [
            key_resource(each.aggregate, each.version, now=now, last=last_used[each.aggregate.key_id])
            for each in keys
        ]
