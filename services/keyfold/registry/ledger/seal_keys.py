"""The key that seals the ledger: its rotation, and a watch on the head that it seals."""

import asyncio
from datetime import datetime
from typing import Final

import structlog

from keyfold.domain.lifecycle.aggregates import SEAL_KEY
from keyfold.domain.lifecycle.signatures.seal_key import SEAL_KEY_STREAM, AdoptSealKey, SealKey
from keyfold.registry.commands.http import CommandsOverHttp, show_subject
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater
from keyfold.runtime.http import Answer, AnyRoute, JsonBody, Problem, Reply, Request, Roles, Route
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.read_set import ReadSet
from keyfold.store.ledger.sealing import HeadSealer

WATCH_INTERVAL_S: Final = 5.0

NO_NEXT_KEY: Final = Problem(
    status=409,
    slug="no-next-seal-key",
    detail="This registry holds no key but the one in force: set KEYFOLD_SEAL_KEY_NEXT and start it again.",
)

log = structlog.get_logger(__name__)


async def allow_first_seal(ledger: Ledger, sealer: HeadSealer) -> None:
    """Let the next batch seal a ledger as it stands that has no seal. Raises DatabaseAway."""
    head = await ledger.head()
    sealer.may_begin = head.position > 0 and not await ledger.has_seals()
    if sealer.may_begin:
        log.warning("first_seal_due", position=head.position, hash=head.hash.hex())


async def watch_seal(ledger: Ledger, clock: Clock) -> None:
    """Verify the head now and then, also while nothing is appended; never return."""
    was_unsealed = False
    while True:
        try:
            await ledger.look(ReadSet(streams=frozenset()), clock.now())
            was_unsealed = False
        except TryLater as unsealed:
            if not was_unsealed:
                log.error("ledger_head_unverified", reason=str(unsealed))
            was_unsealed = True
        await asyncio.sleep(WATCH_INTERVAL_S)


class SealKeyResource(JsonBody):
    """The key in force, an Ed25519 public key in hexadecimal digits."""

    public_key: str


class SealKeys:
    """The calls about the key that seals the ledger."""

    def __init__(self, commands: CommandsOverHttp, ledger: Ledger, sealer: HeadSealer, clock: Clock) -> None:
        self._commands = commands
        self._ledger = ledger
        self._sealer = sealer
        self._clock = clock

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="GET",
                path="/v1/ledger/seal-key",
                handler=self.get_seal_key,
                rule=Roles(frozenset({Role.OPERATOR})),
                summary="The key that seals what is appended to the ledger.",
                answer=SealKeyResource,
            ),
            Route(
                method="POST",
                path="/v1/ledger/seal-key/rotate",
                handler=self.rotate_seal_key,
                rule=Roles(frozenset({Role.OPERATOR})),
                summary="Let the registry's next key seal the ledger from here on.",
                answer=SealKeyResource,
                refusals=(409, 412),
            ),
        ]

    async def get_seal_key(self, _request: Request[None, None]) -> Reply:
        """Show the key in force."""
        await self._ledger.look(ReadSet(streams=frozenset()), self._clock.now())
        return Answer(body=SealKeyResource(public_key=self._sealer.seal_key.hex()))

    async def rotate_seal_key(self, request: Request[None, None]) -> Reply:
        """Adopt the next key; the key in force seals the adoption, and both have signed it."""
        await self._ledger.look(ReadSet(streams=frozenset({SEAL_KEY_STREAM})), self._clock.now())
        in_force = self._sealer.seal_key
        if self._sealer.ring.next.public_key == in_force:
            return NO_NEXT_KEY
        command = AdoptSealKey(in_force=in_force, prover=self._sealer.ring.next)
        return await self._commands.respond(request, command, show_subject(SEAL_KEY, _to_body))


def _to_body(key: SealKey, _version: int, _now: datetime) -> SealKeyResource:
    return SealKeyResource(public_key=key.public_key.hex())
