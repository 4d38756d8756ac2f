"""Vendor keys over HTTP: issued by a reviewer, revoked by one or by the vendor itself."""

from typing import Final, TypeVar

from pydantic import BaseModel

from libs.domain.ids import KeyId, VendorId, key_stream, vendor_stream
from libs.domain.lifecycle import LifecycleEvent
from libs.domain.refusal import Refusal
from libs.domain.vendor_key import IssueVendorKey, RevokeVendorKey, VendorKey, VendorKeyCommand, decide
from libs.runtime.auth import Role
from libs.runtime.clock import Clock
from libs.runtime.http import Answer, AnyRoute, OwnVendor, PageQuery, Reply, Request, Roles, Route, page
from libs.wire.key_format import KeyKind
from services.registry.command_http import answer_of, metadata_of
from services.registry.commands import Command, Commands, Outcome, Streams
from services.registry.kinds import VENDOR, VENDOR_KEY, held
from services.registry.new_ids import new_key
from services.registry.reads import Reads, before, shown_of
from services.registry.resources import (
    VendorKeyPage,
    VendorKeyResource,
    VendorKeyWithSecret,
    vendor_key_resource,
)

B = TypeVar("B", bound=BaseModel | None)

_ALL: Final = "/v1/vendors/{vendor_id}/keys"
_REVIEWER: Final = frozenset({Role.REVIEWER})


class VendorKeys:
    """The calls about vendor keys."""

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
                rule=OwnVendor(also=_REVIEWER),
                summary="The vendor's keys, newest first.",
                query=PageQuery,
                answer=VendorKeyPage,
            ),
            Route(
                method="DELETE",
                path=_ALL + "/{key_id}",
                handler=self.revoke_vendor_key,
                rule=OwnVendor(also=_REVIEWER),
                summary="Revoke a vendor key, for ever; again changes nothing.",
                answer=VendorKeyResource,
                refusals=(409, 412),
            ),
        ]

    async def issue_vendor_key(self, request: Request[None, None]) -> Reply:
        """Issue a key; its secret is in this answer and nowhere else."""
        minted = new_key(KeyKind.VENDOR, self._clock)
        command = IssueVendorKey(
            key_id=minted.key_id,
            digest=minted.digest,
            secret_hint=minted.secret_hint,
            issued_at=self._clock.now(),
        )
        outcome = await self._run(request, minted.key_id, command)

        def shown(key: VendorKey, version: int) -> VendorKeyWithSecret:
            resource = vendor_key_resource(key, version, last_used_at=None)
            return VendorKeyWithSecret(key=resource, secret=minted.secret)

        return answer_of(outcome, VENDOR_KEY, shown)

    async def list_vendor_keys(self, request: Request[None, PageQuery]) -> Reply:
        """Show a page of the vendor's keys."""
        query = request.query
        model = await self._reads.fresh()
        found = await model.list_vendor_keys(
            VendorId(request.path["vendor_id"]), before=before(query), limit=query.rows_max
        )
        keys, next_cursor = shown_of(found, query)
        last_used = await self._reads.last_used([each.aggregate.key_id for each in keys])
        shown = [
            vendor_key_resource(
                each.aggregate, each.version, last_used_at=last_used.get(each.aggregate.key_id)
            )
            for each in keys
        ]
        return Answer(body=page(shown, next_cursor))

    async def revoke_vendor_key(self, request: Request[None, None]) -> Reply:
        """Stop a key for ever; one that is stopped already stays so, with the same answer."""
        key_id = KeyId(request.path["key_id"])
        outcome = await self._run(request, key_id, RevokeVendorKey(revoked_at=self._clock.now()))
        last_used = await self._reads.last_used([key_id])

        def shown(key: VendorKey, version: int) -> VendorKeyResource:
            return vendor_key_resource(key, version, last_used_at=last_used.get(key_id))

        return answer_of(outcome, VENDOR_KEY, shown)

    async def _run(self, request: Request[B, None], key_id: KeyId, command: VendorKeyCommand) -> Outcome:
        vendor_id = VendorId(request.path["vendor_id"])
        return await self._commands.run(_on(vendor_id, key_id, command), metadata_of(request))


def _on(vendor_id: VendorId, key_id: KeyId, command: VendorKeyCommand) -> Command:
    key_at, vendor_at = key_stream(key_id), vendor_stream(vendor_id)

    def decided(streams: Streams) -> tuple[LifecycleEvent, ...] | Refusal:
        key = held(streams[key_at].aggregate, VENDOR_KEY)
        return decide(command, key, held(streams[vendor_at].aggregate, VENDOR))

    return Command(subject=key_at, others=(vendor_at,), decide=decided)
