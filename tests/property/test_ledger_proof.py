"""The proof of a ledger: whole ledgers pass, and any change of a row shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from keyfold.wire.events.chain import GENESIS, Head, Row, hash_row
from keyfold.wire.proof.ledger_proof import HeadRow, LedgerProof
from keyfold.wire.proof.signed_head import (
    HeadClaim,
    SignedHead,
    format_line,
    is_genuine,
    key_id_of,
    parse_line,
    sign,
)
from keyfold.wire.proof.signed_head_proof import (
    CHECKPOINTED,
    FiledHeads,
    Finding,
    FindingKind,
    SignedHeadRow,
    weigh_file,
    weigh_recorded,
)
from keyfold.wire.timestamp import format_time
from tests.support.ledger_builder import START
from tests.support.property.strategies import digests, rows, times
from tests.support.wire.signed_heads import KEY, PUBLIC_KEYS, sign_claim

KEY_ID = key_id_of(KEY.public_key())
NO_FILE = FiledHeads()

Chained = list[tuple[Row, bytes]]


def checkpoint_of(position: int, head_hash: bytes) -> SignedHead:
    """Return a genuine checkpoint."""
    return sign_claim(Head(position=position, hash=head_hash))


def chained(loose: Sequence[Row], first: int = 1, previous: bytes = GENESIS.hash) -> Chained:
    """Return rows as a ledger: positions, versions and times in order, each sealing the one before."""
    versions: dict[str, int] = {}
    ledger: Chained = []
    for position, row in enumerate(loose, first):
        versions[row.stream] = versions.get(row.stream, 0) + 1
        at = format_time(START + timedelta(seconds=position))
        placed = replace(row, position=position, version=versions[row.stream], recorded_at=at)
        previous = hash_row(previous, placed)
        ledger.append((placed, previous))
    return ledger


ledgers = st.lists(
    rows.filter(lambda row: row.stream != "ledger" and row.type != CHECKPOINTED), min_size=1, max_size=8
).map(chained)


def proven(ledger: Chained, filed: FiledHeads = NO_FILE, head: HeadRow | None = None) -> list[Finding]:
    """Return what is wrong with a ledger whose head is its last row's, if none is named."""
    proof = LedgerProof(weigh_recorded(_checkpoints(ledger), PUBLIC_KEYS), filed)
    finding = proof.follow([(astuple(row), row_hash, None) for row, row_hash in ledger])
    return [finding] if finding else list(proof.conclude(head or head_of(ledger)))


def head_of(ledger: Chained) -> HeadRow:
    """Return the head that a ledger has."""
    row, row_hash = ledger[-1]
    return HeadRow(head=Head(position=row.position, hash=row_hash), recorded_at=row.recorded_at)


def _checkpoints(ledger: Chained) -> list[SignedHeadRow]:
    return [
        SignedHeadRow(position=row.position, type=row.type, schema_version=row.schema_version, data=row.data)
        for row, _ in ledger
        if row.stream == "ledger"
    ]


@given(ledger=ledgers)
def test_whole_ledger(ledger: Chained) -> None:
    """A ledger as it was recorded has nothing wrong, in one piece or row by row, with or without a file."""
    assert proven(ledger) == []
    lines = b"".join(format_line(checkpoint_of(row.position, row_hash)) for row, row_hash in ledger)
    filed = weigh_file(lines, PUBLIC_KEYS)
    assert (len(filed.genuine), filed.findings) == (len(ledger), ())
    # None of them stands in the ledger as an event, and that is all there is to say.
    assert [each.kind for each in proven(ledger, filed)] == [FindingKind.TRUNCATED]


@given(ledger=ledgers, data=st.data())
def test_any_change_of_a_row(ledger: Chained, data: st.DataObject) -> None:
    """A row that differs in any field is the first that is broken."""
    index = data.draw(st.integers(0, len(ledger) - 1))
    row, row_hash = ledger[index]
    name = data.draw(st.sampled_from([each for each in Row.__struct_fields__ if each != "position"]))
    value = getattr(row, name)
    other: Any = value + 1 if isinstance(value, int) else f"{value or ''}x"
    ledger[index] = (replace(row, **{name: other}), row_hash)
    (finding,) = proven(ledger)
    assert (finding.kind, finding.position) == (FindingKind.ALTERED, index + 1)


@given(ledger=ledgers, data=st.data())
def test_any_cut(ledger: Chained, data: st.DataObject) -> None:
    """Rows that are gone show as such in the middle, and at the end by the head that was left behind."""
    cut = data.draw(st.integers(0, len(ledger) - 1))
    left = ledger[:cut] + ledger[cut + 1 :]
    (finding,) = proven(left, head=head_of(ledger))
    assert finding.position == cut + 1
    assert finding.kind is (FindingKind.HEAD if cut == len(ledger) - 1 else FindingKind.MISSING)


@given(ledger=ledgers, data=st.data())
def test_any_rewriting_before_a_filed_checkpoint(ledger: Chained, data: st.DataObject) -> None:
    """A chain made anew from any row on contradicts every checkpoint of that row or a later one."""
    vouched = data.draw(st.integers(1, len(ledger)))
    row_hash = ledger[vouched - 1][1]
    filed = weigh_file(format_line(checkpoint_of(vouched, row_hash)), PUBLIC_KEYS)
    edited = data.draw(st.integers(1, vouched))
    changed = [row for row, _ in ledger]
    changed[edited - 1] = replace(changed[edited - 1], actor_subject="mallory, who was not there")
    (finding,) = proven(chained(changed), filed)
    assert (finding.kind, finding.position) == (FindingKind.REWRITTEN, vouched)


@given(position=st.integers(1, 2**63 - 1), head_hash=digests, at=times, data=st.data())
def test_every_checkpoint_reads_back(position: int, head_hash: bytes, at: Any, data: st.DataObject) -> None:
    """A line gives its checkpoint back, still genuine; with any bit changed it is a genuine line no more."""
    checkpoint = HeadClaim(position=position, head_hash=head_hash, at=at, signing_key_id=KEY_ID)
    signed = SignedHead(claim=checkpoint, signature=sign(checkpoint, KEY))
    line = format_line(signed)
    assert parse_line(line) == signed
    assert is_genuine(checkpoint, signed.signature, PUBLIC_KEYS)
    damaged = bytearray(line)
    damaged[data.draw(st.integers(0, len(line) - 2))] ^= 1 << data.draw(st.integers(0, 7))
    filed = weigh_file(bytes(damaged), PUBLIC_KEYS)
    assert filed.genuine == ()
    assert len(filed.findings) >= 1
