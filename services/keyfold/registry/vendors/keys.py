"""Vendor keys over HTTP: issued by a reviewer, rotated and revoked by one or by the vendor itself."""

from datetime import datetime, timedelta
from typing import Final

from keyfold.domain.ids import KeyId, VendorId, key_stream
from keyfold.domain.lifecycle.aggregates import VENDOR_KEY
from keyfold.domain.lifecycle.vendor_key import VendorKey
from keyfold.domain.lifecycle.vendor_key_commands import IssueVendorKey, RevokeVendorKey, RotateVendorKey
from keyfold.registry.bodies import Rotation
from keyfold.registry.commands.execution import Show
from keyfold.registry.commands.http import CommandsOverHttp, show_subject
from keyfold.registry.commands.new_ids import mint_key, mint_secret
from keyfold.registry.reads import Reads, cut_list, read_before
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
from keyfold.wire.keys.format import KeyKind, MintedKey

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
        minted = mint_key(KeyKind.VENDOR, self._clock)
        command = IssueVendorKey(
            vendor_id=VendorId(request.path["vendor_id"]),
            reviewer=request.caller.sub,
            key_id=minted.key_id,
            digest=minted.digest,
            secret_hint=minted.secret_hint,
        )
        return await self._commands.respond(request, command, _show_with_secret(minted))

    async def list_vendor_keys(self, request: Request[None, PageQuery]) -> Reply:
        """Show a page of the vendor's keys."""
        query, vendor_id = request.query, VendorId(request.path["vendor_id"])
        model = await self._reads.catch_up()
        listed = await model.list_vendor_keys(vendor_id, before=read_before(query), limit=query.rows_max)
        shown, next_cursor = cut_list(listed, query)
        found = await self._reads.find_all(VENDOR_KEY, [key_stream(KeyId(each.id)) for each in shown])
        keys = [each for each in found if each.aggregate.vendor_id == vendor_id]
        last_uses = await self._reads.read_last_uses([each.aggregate.key_id for each in keys])
        now = self._clock.now()
        items = [
            vendor_key_resource(each.aggregate, each.version, now, last_uses[each.aggregate.key_id])
            for each in keys
        ]
        return Answer(body=page(items, next_cursor))

    async def rotate_vendor_key(self, request: Request[Rotation, None]) -> Reply:
        """Replace a key's secret."""
        key_id = KeyId(request.path["key_id"])
        minted = mint_secret(KeyKind.VENDOR, key_id, self._clock)
        if minted is None:
            return NOT_FOUND
        command = RotateVendorKey(
            vendor_id=VendorId(request.path["vendor_id"]),
            key_id=key_id,
            digest=minted.digest,
            secret_hint=minted.secret_hint,
            overlap=timedelta(seconds=request.body.overlap_s),
        )
        reply = await self._commands.respond(request, command, _show_with_secret(minted))
        return await self._reads.add_last_use(reply, key_id)

    async def revoke_vendor_key(self, request: Request[None, None]) -> Reply:
        """Stop a key for ever; one that is stopped already stays so, with the same answer."""
        key_id = KeyId(request.path["key_id"])
        command = RevokeVendorKey(vendor_id=VendorId(request.path["vendor_id"]), key_id=key_id)
        reply = await self._commands.respond(request, command, show_subject(VENDOR_KEY, vendor_key_resource))
        return await self._reads.add_last_use(reply, key_id)


def _show_with_secret(minted: MintedKey) -> Show:
    def to_body(key: VendorKey, version: int, now: datetime) -> VendorKeyWithSecret:
        return VendorKeyWithSecret(key=vendor_key_resource(key, version, now), secret=minted.secret)

    return show_subject(VENDOR_KEY, to_body)
