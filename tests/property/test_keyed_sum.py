"""A sum of keyed hashes says which rows there are, in whatever order they came and went."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfold.wire.proof.keyed_sum import KeyedSum, NotSealed, RowHash, SumSecret

HASH, OTHER_SECRET, OTHER_KIND = (
    RowHash(b"s" * 32, "rows"),
    RowHash(b"t" * 32, "rows"),
    RowHash(b"s" * 32, "other"),
)
ROWS = st.lists(st.binary(max_size=40), unique=True, max_size=12)


def sum_of(rows: list[bytes], row_hash: RowHash = HASH) -> KeyedSum:
    """Return the sum of rows."""
    total = KeyedSum()
    total.add(row_hash.add_up(rows), len(rows))
    return total


@given(ROWS, st.randoms(use_true_random=False))
def test_no_order_and_no_history_shows(rows: list[bytes], random: Random) -> None:
    """Added one by one in another order, with rows that came and went between, it is the same sum."""
    changing, shuffled = KeyedSum(), rows[:]
    random.shuffle(shuffled)
    for row in shuffled:
        changing.add(HASH(row))
        changing.add(HASH(row + b"gone"))
        changing.remove(HASH(row + b"gone"))
    assert changing == sum_of(rows)
    assert changing.value == sum_of(rows).value


@given(ROWS, ROWS)
def test_other_rows_have_another_sum(rows: list[bytes], others: list[bytes]) -> None:
    """Two sets of rows have one sum only if they are one set."""
    assert (sum_of(rows) == sum_of(others)) == (set(rows) == set(others))


@given(ROWS.filter(bool))
def test_the_secret_and_the_kind_decide_too(rows: list[bytes]) -> None:
    """With another secret, or as rows of another kind, the same rows have another sum."""
    assert len({sum_of(rows, each).value for each in (HASH, OTHER_SECRET, OTHER_KIND)}) == 3


SECRET, KINDS = SumSecret(b"s" * 32, "test"), ("rows", "other")
SUMS = st.builds(
    KeyedSum, st.integers(min_value=0, max_value=2**63 - 1), st.integers(min_value=0, max_value=2**256 - 1)
)


@given(st.binary(max_size=20), SUMS, SUMS, st.data())
def test_what_is_sealed_opens_and_nothing_else_does(
    statement: bytes, one: KeyedSum, other: KeyedSum, data: st.DataObject
) -> None:
    """Sums come back as they were sealed; with one bit flipped, another statement or secret they do not."""
    sealed = SECRET.seal(statement, dict(zip(KINDS, (one, other), strict=True)))
    assert list(SECRET.open(statement, KINDS, sealed).values()) == [one, other]
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    flipped = (int.from_bytes(sealed, "big") ^ 1 << bit).to_bytes(len(sealed), "big")
    for secret, said, bytes_ in (
        (SECRET, statement, flipped),
        (SECRET, statement + b"!", sealed),
        (SECRET, statement, sealed[:-1]),
        (SumSecret(b"t" * 32, "test"), statement, sealed),
        (SumSecret(b"s" * 32, "else"), statement, sealed),
    ):
        with pytest.raises(NotSealed):
            secret.open(said, KINDS, bytes_)


@given(st.binary(max_size=20), SUMS, SUMS)
def test_sealed_sums_show_no_difference(statement: bytes, one: KeyedSum, other: KeyedSum) -> None:
    """Two sums sealed for one statement have nothing in common, so their difference does not show."""
    sealed, again = SECRET.seal(statement, {"rows": one}), SECRET.seal(statement, {"rows": other})
    assert (sealed == again) == (one == other)
    if one.total != other.total:
        masked, masked_too = (int.from_bytes(each[-32:], "big") for each in (sealed, again))
        assert masked ^ masked_too != one.total ^ other.total
