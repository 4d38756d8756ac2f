"""Vendor keys over HTTP: issued by a reviewer, rotated and revoked by one or by the vendor itself."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeAlias, TypeVar

from pydantic import BaseModel

from keyfold.domain.ids import KeyId, VendorId, key_stream, vendor_stream
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.vendor_key import VendorKey
from keyfold.domain.lifecycle.vendor_key_commands import (
    IssueVendorKey,
    RevokeVendorKey,
    RotateVendorKey,
    VendorKeyCommand,
    decide,
)
from keyfold.domain.refusal import Refusal
from keyfold.registry.bodies import Rotation
from keyfold.registry.commands.execution import Command
from keyfold.registry.commands.http import CommandsOverHttp, shown
from keyfold.registry.commands.kinds import VENDOR, VENDOR_KEY, held
from keyfold.registry.commands.new_ids import new_key, new_secret
from keyfold.registry.reads import Reads, before, shown_of
from keyfold.registry.vendors.resources import (
    VendorKeyPage,
    VendorKeyResource,
    VendorKeyWithSecret,
    vendor_key_resource,
)
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import (
    NOT_FOUND,
    Answer,
    AnyRoute,
    PageQuery,
    Reply,
    Request,
    Roles,
    Route,
    VendorItself,
    page,
)
from keyfold.store.ledger.read_set import ReadSetValues
from keyfold.wire.keys.format import KeyKind

B = TypeVar("B", bound=BaseModel | None)

At: TypeAlias = Callable[[datetime], VendorKeyCommand]
Shown: TypeAlias = Callable[[VendorKey, int, datetime], BaseModel]

_ALL: Final = "/v1/vendors/{vendor_id}/keys"
_REVIEWER: Final = frozenset({Role.REVIEWER})


class VendorKeys:
    """The calls about vendor keys."""

    def __init__(self, commands: CommandsOverHttp, reads: Reads, clock: Clock) -> None:
        self._commands = commands
        self._reads = reads
        self._clock = clock

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="POST",
                path=_ALL,
                handler=self.issue_vendor_key,
                rule=Roles(_REVIEWER),
                summary="Issue a key to an approved vendor; its secret is in this answer and nowhere else.",
                answer=VendorKeyWithSecret,
                status=201,
                refusals=(409, 412),
            ),
            Route(
                method="GET",
                path=_ALL,
                handler=self.list_vendor_keys,
                rule=VendorItself(also=_REVIEWER),
                summary="The vendor's keys, newest first.",
                query=PageQuery,
                answer=VendorKeyPage,
            ),
            Route(
                method="POST",
                path=_ALL + "/{key_id}/rotate",
                handler=self.rotate_vendor_key,
                rule=VendorItself(also=_REVIEWER),
                summary="Give a vendor key a new secret; the one before works on until the overlap ends.",
                body=Rotation,
                answer=VendorKeyWithSecret,
                refusals=(409, 412),
            ),
            Route(
                method="DELETE",
                path=_ALL + "/{key_id}",
                handler=self.revoke_vendor_key,
                rule=VendorItself(also=_REVIEWER),
                summary="Revoke a vendor key, for ever; again changes nothing.",
                answer=VendorKeyResource,
                refusals=(409, 412),
            ),
        ]

    async def issue_vendor_key(self, request: Request[None, None]) -> Reply:
        """Issue a key; its secret is in this answer and nowhere else."""
        minted = new_key(KeyKind.VENDOR, self._clock)

        def issue(now: datetime) -> IssueVendorKey:
            return IssueVendorKey(
                key_id=minted.key_id,
                digest=minted.digest,
                secret_hint=minted.secret_hint,
                issued_at=now,
            )

        def show(key: VendorKey, version: int, now: datetime) -> VendorKeyWithSecret:
            resource = vendor_key_resource(key, version, now=now)
            return VendorKeyWithSecret(key=resource, secret=minted.secret)

        return await self._done(request, minted.key_id, issue, show)

    async def list_vendor_keys(self, request: Request[None, PageQuery]) -> Reply:
        """Show a page of the vendor's keys."""
        query = request.query
        model = await self._reads.fresh()
        found = await model.list_vendor_keys(
            VendorId(request.path["vendor_id"]), before=before(query), limit=query.rows_max
        )
        keys, next_cursor = shown_of(found, query)
        last_used = await self._reads.last_used([each.aggregate.key_id for each in keys])
        now = self._clock.now()
        shown = [
            vendor_key_resource(each.aggregate, each.version, now=now, last=last_used[each.aggregate.key_id])
            for each in keys
        ]
        return Answer(body=page(shown, next_cursor))

    async def rotate_vendor_key(self, request: Request[Rotation, None]) -> Reply:
        """Put a new secret in the old one's place."""
        key_id = KeyId(request.path["key_id"])
        minted = new_secret(KeyKind.VENDOR, key_id, self._clock)
        if minted is None:
            return NOT_FOUND
        overlap = timedelta(seconds=request.body.overlap_s)

        def rotate(now: datetime) -> RotateVendorKey:
            return RotateVendorKey(
                digest=minted.digest, secret_hint=minted.secret_hint, rotated_at=now, overlap=overlap
            )

        def show(key: VendorKey, version: int, now: datetime) -> VendorKeyWithSecret:
            resource = vendor_key_resource(key, version, now=now)
            return VendorKeyWithSecret(key=resource, secret=minted.secret)

        return await self._reads.completed(await self._done(request, key_id, rotate, show), key_id)

    async def revoke_vendor_key(self, request: Request[None, None]) -> Reply:
        """Stop a key for ever; one that is stopped already stays so, with the same answer."""
        key_id = KeyId(request.path["key_id"])

        def revoke(now: datetime) -> RevokeVendorKey:
            return RevokeVendorKey(revoked_at=now)

        def show(key: VendorKey, version: int, now: datetime) -> VendorKeyResource:
            return vendor_key_resource(key, version, now=now)

        return await self._reads.completed(await self._done(request, key_id, revoke, show), key_id)

    async def _done(self, request: Request[B, None], key_id: KeyId, command_at: At, show: Shown) -> Reply:
        key_at, vendor_at = key_stream(key_id), vendor_stream(VendorId(request.path["vendor_id"]))

        def decided(loaded: ReadSetValues, now: datetime) -> tuple[LifecycleEvent, ...] | Refusal:
            key = held(loaded.streams[key_at].aggregate, VENDOR_KEY)
            return decide(command_at(now), key, held(loaded.streams[vendor_at].aggregate, VENDOR))

        return await self._commands.respond(
            request,
            Command(
                subject=key_at, others=(vendor_at,), decide=decided, show=shown(key_at, VENDOR_KEY, show)
            ),
        )
