"""A checkpoint of the ledger: a signed word on its head, against which a rewritten past stands out."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from keyfold.domain.ids import StreamId
from keyfold.domain.refusal import ImpossibleEvent, Refusal, conflict

LEDGER_STREAM = StreamId("ledger")
"""The one stream that holds every checkpoint."""


class LedgerCheckpoint(Struct, frozen=True, kw_only=True, gc=False):
    """The last checkpoint: the head that it vouches for, and the signature of whoever held the key then.

    `head_hash` is 32 bytes and the hash of the event at `position`, which came before the checkpoint.
    """

    position: int
    head_hash: bytes
    at: datetime
    signing_key_id: str
    signature: bytes


class Signer(Protocol):
    """Signs checkpoints with one key."""

    @property
    def key_id(self) -> str:
        """The key's id."""
        ...

    def sign(self, position: int, head_hash: bytes, at: datetime) -> bytes:
        """Return the signature (64 bytes); the same each time for the same checkpoint."""
        ...


class TakeCheckpoint(Struct, frozen=True, kw_only=True, gc=False):
    """Vouch for the ledger as far as `position`, by the signature of `signer`."""

    position: int
    head_hash: bytes
    signer: Signer


class LedgerCheckpointed(Struct, frozen=True, kw_only=True, gc=False):
    """The ledger was vouched for as far as `position`; its own place is further on."""

    position: int
    head_hash: bytes
    at: datetime
    signing_key_id: str
    signature: bytes


def decide(
    command: TakeCheckpoint, checkpoint: LedgerCheckpoint | None, now: datetime
) -> tuple[LedgerCheckpointed, ...] | Refusal:
    """Return the event that the command makes, or a refusal if the last checkpoint goes as far."""
    if checkpoint is not None and command.position <= checkpoint.position:
        return conflict("checkpoint-overtaken", "Another checkpoint has vouched for as much of the ledger.")
    return (
        LedgerCheckpointed(
            position=command.position,
            head_hash=command.head_hash,
            at=now,
            signing_key_id=command.signer.key_id,
            signature=command.signer.sign(command.position, command.head_hash, now),
        ),
    )


def evolve(checkpoint: LedgerCheckpoint | None, event: LedgerCheckpointed) -> LedgerCheckpoint:
    """Return the last checkpoint after the event. Raises ImpossibleEvent where its position does not grow."""
    if checkpoint is not None and event.position <= checkpoint.position:
        raise ImpossibleEvent(event, checkpoint)
    return LedgerCheckpoint(
        position=event.position,
        head_hash=event.head_hash,
        at=event.at,
        signing_key_id=event.signing_key_id,
        signature=event.signature,
    )
