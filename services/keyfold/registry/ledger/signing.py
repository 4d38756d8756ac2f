"""Checkpoints taken: the ledger's head signed on demand, and once a day by whichever registry leads."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keyfold.domain.lifecycle.fold import Actor
from keyfold.domain.lifecycle.signatures.signed_head import TakeCheckpoint
from keyfold.domain.refusal import ImpossibleEvent
from keyfold.registry.commands.execution import CommandMetadata, Commands, Done
from keyfold.registry.ledger.heads_filing import CheckpointFiling
from keyfold.runtime.clock import Clock
from keyfold.store.ledger.reading import LedgerReader
from keyfold.store.ledger.signed_heads import Checkpoints, RecordedCheckpoint
from keyfold.wire.events.chain import Head
from keyfold.wire.events.codec import UnknownEvent
from keyfold.wire.proof.signed_head import HeadClaim, key_id_of, sign

ACTOR: Final = Actor(role="keyfold", subject="checkpoints")
EVERY: Final = timedelta(days=1)
_LOOK_INTERVAL_S = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeySigner:
    """Signs with a private key, which nothing shows."""

    key: Ed25519PrivateKey = field(repr=False)

    @property
    def key_id(self) -> str:
        """The id of the key."""
        return key_id_of(self.key.public_key())

    def sign(self, position: int, head_hash: bytes, at: datetime) -> bytes:
        """Return the signature of a checkpoint."""
        claim = HeadClaim(position=position, head_hash=head_hash, at=at, signing_key_id=self.key_id)
        return sign(claim, self.key)


def take(head: Head, key: Ed25519PrivateKey) -> TakeCheckpoint:
    """Return the command that vouches for a head; whatever is recorded meanwhile comes after it."""
    return TakeCheckpoint(position=head.position, head_hash=head.hash, signer=KeySigner(key))


def is_due(last: RecordedCheckpoint | None, head: Head, now: datetime) -> bool:
    """Tell whether it is time: a day has passed, and the ledger has grown beyond the last checkpoint."""
    if last is None:
        return head.position > 0
    return head.position > last.recorded_position and now - last.event.at >= EVERY


class DailyCheckpoints:
    """Takes a checkpoint whenever one is due. Only a leader may run this, or a day would have several."""

    def __init__(
        self,
        *,
        ledger: LedgerReader,
        commands: Commands,
        checkpoints: Checkpoints,
        key: Ed25519PrivateKey,
        filing: CheckpointFiling | None,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._commands = commands
        self._checkpoints = checkpoints
        self._key = key
        self._filing = filing
        self._clock = clock

    async def run(self) -> None:
        """Look now and then; never return. Raises DatabaseAway."""
        while True:
            try:
                await self.take_if_due()
            except (UnknownEvent, ImpossibleEvent) as fault:
                # Somebody has been at the stream of checkpoints; nothing else that is served depends on it.
                log.error("checkpoints_unreadable", reason=str(fault), do="keyfold ledger verify")
            await asyncio.sleep(_LOOK_INTERVAL_S)

    async def take_if_due(self) -> None:
        """Take a checkpoint if it is time, and file it. Raises DatabaseAway."""
        head = await self._ledger.head()
        if not is_due(await self._checkpoints.last(), head, self._clock.now()):
            return
        metadata = CommandMetadata(actor=ACTOR, request_id=self._clock.new_event_id())
        outcome = await self._commands.run(take(head, self._key), metadata)
        if isinstance(outcome, Done):
            log.info("checkpoint_taken", position=head.position)
        else:
            log.info("checkpoint_not_taken", position=head.position, reason=str(outcome))
        if self._filing is not None:
            await self._filing.catch_up()
