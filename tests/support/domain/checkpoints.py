"""A checkpoint of the ledger, and the event of the next one, as plain values."""

from keyfold.domain.lifecycle.signatures.signed_head import LedgerCheckpoint, LedgerCheckpointed
from tests.support.domain.given import (
    NOW,
)

CHECKPOINT = LedgerCheckpoint(
    position=7, head_hash=bytes(32), at=NOW, signing_key_id="k", signature=bytes(64)
)
CHECKPOINTED = LedgerCheckpointed(
    position=9, head_hash=bytes(32), at=NOW, signing_key_id="k", signature=bytes(64)
)
