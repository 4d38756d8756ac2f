"""Subscriber keys over HTTP: made, edited and revoked by the account's owner."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from pydantic import BaseModel

from libs.domain.ids import AccountId, KeyId, VendorId, account_stream, key_stream, vendor_stream
from libs.domain.lifecycle import LifecycleEvent
from libs.domain.permissions import Permissions
from libs.domain.refusal import Refusal, invalid
from libs.domain.subscriber_key import (
    UNSET,
    ActiveSubscriberKey,
    CreateSubscriberKey,
    EditSubscriberKey,
    RevokeSubscriberKey,
    SubscriberKey,
    SubscriberKeyCommand,
    decide,
)
from libs.domain.vendor import VendorState
from libs.runtime.clock import Clock
from libs.runtime.http import (
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
from libs.store.read_model import KeyState, Stored
from libs.wire.key_format import KeyKind
from services.registry.bodies import KeyChanges, NewKey, accesses, vendor_ids_of
from services.registry.command_http import answer_of, metadata_of, with_etag
from services.registry.commands import Command, Commands, Outcome, Streams
from services.registry.kinds import ACCOUNT, SUBSCRIBER_KEY, VENDOR, held
from services.registry.new_ids import new_key
from services.registry.reads import Reads, before, shown_of
from services.registry.resources import KeyPage, KeyResource, KeyWithSecret, key_resource

B = TypeVar("B", bound=BaseModel | None)

_ALL: Final = "/v1/accounts/{account_id}/keys"
_ONE: Final = _ALL + "/{key_id}"


class KeyQuery(PageQuery):
    """A page of keys, of all or of those in one state."""

    state: KeyState | None = None


class Keys:
    """The calls about subscriber keys."""

    def __init__(self, commands: Commands, reads: Reads, clock: Clock) -> None:
        self._commands = commands
        self._reads = reads
        self._clock = clock

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
                answer=KeyWithSecret,
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
            ),
            Route(
                method="PATCH",
                path=_ONE,
                handler=self.edit_key,
                rule=OwnAccount(),
                summary="Change what is named of a key, also within its permissions; the rest stays.",
                body=KeyChanges,
                answer=KeyResource,
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
        body = request.body
        command = CreateSubscriberKey(
            key_id=minted.key_id,
            name=body.name,
            permissions=Permissions.of(accesses(body.permissions)),
            vendor_ids=vendor_ids_of(body.vendor_ids),
            expires_at=body.expires_at,
            digest=minted.digest,
            secret_hint=minted.secret_hint,
            created_at=self._clock.now(),
        )
        outcome = await self._run(request, minted.key_id, command, command.vendor_ids or ())

        def shown(key: SubscriberKey, version: int) -> KeyWithSecret:
            resource = key_resource(key, version, now=self._clock.now(), last_used_at=None)
            return KeyWithSecret(key=resource, secret=minted.secret)

        return answer_of(outcome, SUBSCRIBER_KEY, shown)

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
        command = EditSubscriberKey(
            at=self._clock.now(),
            name=body.name if "name" in named else UNSET,
            permissions=accesses(body.permissions) if "permissions" in named else UNSET,
            vendor_ids=vendor_ids_of(body.vendor_ids) if "vendor_ids" in named else UNSET,
            expires_at=body.expires_at if "expires_at" in named else UNSET,
        )
        return await self._changed(request, command, vendor_ids_of(body.vendor_ids) or ())

    async def revoke_key(self, request: Request[None, None]) -> Reply:
        """Stop a key for ever; one that is stopped already stays so, with the same answer."""
        return await self._changed(request, RevokeSubscriberKey(revoked_at=self._clock.now()), ())

    async def _changed(
        self, request: Request[B, None], command: SubscriberKeyCommand, vendor_ids: Sequence[VendorId]
    ) -> Reply:
        key_id = KeyId(request.path["key_id"])
        outcome = await self._run(request, key_id, command, vendor_ids)
        last_used = await self._reads.last_used([key_id])

        def shown(key: SubscriberKey, version: int) -> KeyResource:
            return key_resource(key, version, now=self._clock.now(), last_used_at=last_used.get(key_id))

        return answer_of(outcome, SUBSCRIBER_KEY, shown)

    async def _run(
        self,
        request: Request[B, None],
        key_id: KeyId,
        command: SubscriberKeyCommand,
        vendor_ids: Sequence[VendorId],
    ) -> Outcome:
        account_id = AccountId(request.path["account_id"])
        return await self._commands.run(_on(account_id, key_id, command, vendor_ids), metadata_of(request))

    async def _resource(self, key: SubscriberKey, version: int) -> KeyResource:
        last_used = await self._reads.last_used([key.key_id])
        return key_resource(key, version, now=self._clock.now(), last_used_at=last_used.get(key.key_id))

    async def _shown(self, keys: Sequence[Stored[SubscriberKey]]) -> list[KeyResource]:
        last_used = await self._reads.last_used([each.aggregate.key_id for each in keys])
        now = self._clock.now()
        return [
            key_resource(
                each.aggregate, each.version, now=now, last_used_at=last_used.get(each.aggregate.key_id)
            )
            for each in keys
        ]


def _on(
    account_id: AccountId, key_id: KeyId, command: SubscriberKeyCommand, vendor_ids: Sequence[VendorId]
) -> Command:
    key_at, account_at = key_stream(key_id), account_stream(account_id)

    def decided(streams: Streams) -> tuple[LifecycleEvent, ...] | Refusal:
        key = held(streams[key_at].aggregate, SUBSCRIBER_KEY)
        events = decide(command, key, held(streams[account_at].aggregate, ACCOUNT))
        unknown = [] if isinstance(events, Refusal) else _unknown(vendor_ids, key, streams)
        return _no_such_vendors(unknown) if unknown else events

    others = (account_at, *(vendor_stream(vendor_id) for vendor_id in vendor_ids))
    return Command(subject=key_at, others=others, decide=decided)


def _unknown(vendor_ids: Iterable[VendorId], key: SubscriberKey | None, streams: Streams) -> list[VendorId]:
    """Return those that are not approved; one that the key names already may have been suspended since."""
    kept = (key.vendor_ids or ()) if isinstance(key, ActiveSubscriberKey) else ()
    return [each for each in vendor_ids if each not in kept and not _approved(each, streams)]


def _approved(vendor_id: VendorId, streams: Streams) -> bool:
    vendor = held(streams[vendor_stream(vendor_id)].aggregate, VENDOR)
    return vendor is not None and vendor.state is VendorState.APPROVED


def _no_such_vendors(vendor_ids: Iterable[VendorId]) -> Refusal:
    return invalid("unknown-vendors", f"No approved vendors: {', '.join(vendor_ids)}.")
