"""The ledger of a running stack is signed, and proven whole, with the `keyfold` command alone."""

from __future__ import annotations

from tests.support.stack.running import RunningStack
from tests.support.stack.world import Practice


async def test_checkpoint_and_proof(stack: RunningStack, practice: Practice) -> None:
    """A checkpoint that an operator takes is listed, is in the stack's file, and proves the ledger whole."""
    taken = (await stack.keyfold("ledger", "checkpoint")).json()
    listed = (await stack.keyfold("ledger", "checkpoints", "--limit", "2")).json()
    filed = (stack.state_dir / "checkpoints.ndjson").read_text()
    proven = await stack.keyfold("ledger", "verify", "--json")

    assert taken in listed
    assert taken["signature"] in filed
    assert proven.status == 0, proven.err
    found = proven.json()
    assert (found["whole"], found["signatures_checked"]) == (True, True)
    assert found["vouched_position"] >= taken["position"]
    assert found["recorded_checkpoints"] >= found["filed_checkpoints"] >= 1
