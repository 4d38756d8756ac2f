"""Checkpoints of the ledger: each goes further than the one before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import asdict

from keyfold.domain.lifecycle.signatures.signed_head import (
    LedgerCheckpoint,
    LedgerCheckpointed,
    TakeCheckpoint,
    decide,
    evolve,
)
from keyfold.domain.refusal import ImpossibleEvent, Refusal, RefusalKind

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


class Signs:
    """Signs with a key called `key`: the signature says what was signed."""

    key_id = "key"

    def sign(self, position: int, head_hash: bytes, at: datetime) -> bytes:
        """Return what was signed."""
        return f"{position} {head_hash.hex()} {at}".encode()


def take(position: int) -> TakeCheckpoint:
    """Return the command to vouch for a position."""
    return TakeCheckpoint(position=position, head_hash=bytes(32), signer=Signs())


def taken(position: int) -> LedgerCheckpointed:
    """Return the event that a position is vouched for."""
    return LedgerCheckpointed(
        position=position,
        head_hash=bytes(32),
        at=AT,
        signing_key_id="key",
        signature=Signs().sign(position, bytes(32), AT),
    )


def last(position: int) -> LedgerCheckpoint:
    """Return the last checkpoint."""
    return LedgerCheckpoint(**asdict(taken(position)))


@pytest.mark.parametrize("before", [None, last(41)])
def test_taken(before: LedgerCheckpoint | None) -> None:
    """A checkpoint of more than the last one vouched for is taken, and is then the last one."""
    assert decide(take(42), before, AT) == (taken(42),)
    assert evolve(before, taken(42)) == last(42)


@pytest.mark.parametrize("before", [last(42), last(43)])
def test_overtaken(before: LedgerCheckpoint) -> None:
    """A checkpoint of no more than the last one is refused, and in no history."""
    refusal = decide(take(42), before, AT)
    assert isinstance(refusal, Refusal)
    assert (refusal.kind, refusal.code) == (RefusalKind.CONFLICT, "checkpoint-overtaken")
    with pytest.raises(ImpossibleEvent):
        evolve(before, taken(42))
