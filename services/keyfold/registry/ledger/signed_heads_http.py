"""Checkpoints of the ledger over HTTP, for operators."""

from datetime import datetime
from typing import Final

from keyfold.domain.lifecycle.aggregates import LEDGER
from keyfold.domain.lifecycle.signatures.signed_head import LedgerCheckpoint, LedgerCheckpointed
from keyfold.registry.commands.http import CommandsOverHttp, show_subject
from keyfold.registry.ledger.signing import take
from keyfold.registry.ledger.signing_means import CheckpointMeans
from keyfold.registry.reads import ListCursor, read_before
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import (
    Answer,
    AnyRoute,
    Instant,
    JsonBody,
    PageQuery,
    Problem,
    Reply,
    Request,
    Roles,
    Route,
    cut,
    encode_cursor,
    page,
)
from keyfold.store.ledger.reading import LedgerReader
from keyfold.store.ledger.signed_heads import FIRST_PAGE, Checkpoints

NO_KEY: Final = Problem(
    status=409,
    slug="checkpoints-off",
    detail="This registry signs no checkpoints: set KEYFOLD_CHECKPOINT_KEY and start it again.",
)
EMPTY: Final = Problem(
    status=409, slug="ledger-empty", detail="The ledger holds nothing that could be vouched for."
)


class CheckpointResource(JsonBody):
    """A checkpoint: a signed statement that the event at `position` has the hash `head_hash`.

    Hash and signature are hexadecimal.
    """

    position: int
    head_hash: str
    at: Instant
    signing_key_id: str
    signature: str
    version: int


class CheckpointPage(JsonBody):
    """Checkpoints, newest first."""

    items: list[CheckpointResource]
    next_cursor: str | None


class LedgerCheckpoints:
    """The calls about checkpoints. Without a key none are taken."""

    def __init__(
        self,
        commands: CommandsOverHttp,
        ledger: LedgerReader,
        checkpoints: Checkpoints,
        means: CheckpointMeans,
    ) -> None:
        self._commands = commands
        self._ledger = ledger
        self._checkpoints = checkpoints
        self._key = means.key
        self._filing = means.filing

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="POST",
                path="/v1/ledger/checkpoints",
                handler=self.take_checkpoint,
                rule=Roles(frozenset({Role.OPERATOR})),
                summary="Vouch for the ledger as it is now, with a signature.",
                answer=CheckpointResource,
                status=201,
                refusals=(409, 412),
            ),
            Route(
                method="GET",
                path="/v1/ledger/checkpoints",
                handler=self.list_checkpoints,
                rule=Roles(frozenset({Role.OPERATOR})),
                summary="The ledger's checkpoints, newest first.",
                query=PageQuery,
                answer=CheckpointPage,
            ),
        ]

    async def take_checkpoint(self, request: Request[None, None]) -> Reply:
        """Take a checkpoint, and file it."""
        if self._key is None:
            return NO_KEY
        head = await self._ledger.head()
        if head.position == 0:
            return EMPTY
        show = show_subject(LEDGER, _to_body)
        reply = await self._commands.respond(request, take(head, self._key), show)
        if self._filing is not None and isinstance(reply, Answer):
            await self._filing.catch_up()
        return reply

    async def list_checkpoints(self, request: Request[None, PageQuery]) -> Reply:
        """Show a page of checkpoints."""
        query = request.query
        found = await self._checkpoints.newest(read_before(query) or FIRST_PAGE, query.rows_max)
        listed, next_cursor = cut(found, query, lambda last: encode_cursor(ListCursor(before=last.version)))
        return Answer(body=page([_describe(each.event, each.version) for each in listed], next_cursor))


def _to_body(checkpoint: LedgerCheckpoint, version: int, _now: datetime) -> CheckpointResource:
    return _describe(checkpoint, version)


def _describe(checkpoint: LedgerCheckpoint | LedgerCheckpointed, version: int) -> CheckpointResource:
    return CheckpointResource(
        position=checkpoint.position,
        head_hash=checkpoint.head_hash.hex(),
        at=checkpoint.at,
        signing_key_id=checkpoint.signing_key_id,
        signature=checkpoint.signature.hex(),
        version=version,
    )
