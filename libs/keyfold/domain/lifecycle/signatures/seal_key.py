"""The key in force: whose signature seals what is appended to the ledger, and how another one takes over."""

from typing import Protocol

from msgspec import Struct

from keyfold.domain.ids import StreamId
from keyfold.domain.refusal import ImpossibleEvent, Refusal, conflict

SEAL_KEY_STREAM = StreamId("seal-key")
"""The one stream that holds every change of the key in force."""


class SealKey(Struct, frozen=True, kw_only=True, gc=False):
    """The key in force: an Ed25519 public key (32 bytes)."""

    public_key: bytes


class Prover(Protocol):
    """Holds a private key, and proves so."""

    @property
    def public_key(self) -> bytes:
        """The public half (32 bytes)."""
        ...

    def prove(self, previous: bytes) -> bytes:
        """Return its signature (64 bytes) of taking over from `previous`; the same each time."""
        ...


class AdoptSealKey(Struct, frozen=True, kw_only=True, gc=False):
    """Let the key of `prover` seal what comes after this event.

    `in_force` is the key that the one who asks knows to be in force.
    """

    in_force: bytes
    prover: Prover


class SealKeyAdopted(Struct, frozen=True, kw_only=True, gc=False):
    """Another key seals what comes after this event. Both have signed it: `previous` by the event's seal, and
    `public_key` by `proof`.
    """

    public_key: bytes
    previous: bytes
    proof: bytes


def decide(command: AdoptSealKey, key: SealKey | None) -> tuple[SealKeyAdopted, ...] | Refusal:
    """Return the event that the command makes, or a refusal if another key is in force, or this one is."""
    in_force = command.in_force if key is None else key.public_key
    adopted = command.prover.public_key
    if adopted == in_force or in_force != command.in_force:
        return conflict("seal-key-in-force", "Another command has changed the key that seals the ledger.")
    return (SealKeyAdopted(public_key=adopted, previous=in_force, proof=command.prover.prove(in_force)),)


def evolve(key: SealKey | None, event: SealKeyAdopted) -> SealKey:
    """Return the key in force after the event. Raises ImpossibleEvent where it follows another than that."""
    if key is not None and event.previous != key.public_key:
        raise ImpossibleEvent(event, key)
    return SealKey(public_key=event.public_key)
