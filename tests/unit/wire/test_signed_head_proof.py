"""What checkpoints are worth, wherever they were found."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from keyfold.wire.events.chain import Head
from keyfold.wire.events.codec import encode_event
from keyfold.wire.events.upcasting import SCHEMA_VERSION
from keyfold.wire.proof.signed_head import SignedHead, format_line, key_id_of
from keyfold.wire.proof.signed_head_proof import (
    FiledHeads,
    SignedHeadRow,
    signed_head_of,
    weigh_file,
    weigh_recorded,
)
from tests.support.ledger_builder import account_created
from tests.support.wire.signed_heads import KEY, PUBLIC_KEYS, event_of, sign_claim

KEY_ID = key_id_of(KEY.public_key())


def signed_at(position: int) -> SignedHead:
    """Return a genuine checkpoint."""
    return sign_claim(Head(position=position, hash=bytes(32)))


def row(at: int, each: SignedHead) -> SignedHeadRow:
    """Return the row at a position that holds a checkpoint."""
    name, data = encode_event(event_of(each))
    return SignedHeadRow(position=at, type=name, schema_version=SCHEMA_VERSION, data=data)


def test_genuine_ones_count() -> None:
    """Checkpoints that go further each time, signed by a key that is believed, all count."""
    weighed = weigh_recorded([row(5, signed_at(4)), row(8, signed_at(5)), row(9, signed_at(8))], PUBLIC_KEYS)
    assert [each.signed for each in weighed.genuine] == [signed_at(4), signed_at(5), signed_at(8)]
    assert not weighed.faults
    assert set(weighed.positions) == {5, 8, 9}
    assert weighed.genuine[1].source == "the checkpoint at position 8"


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (row(8, signed_at(8)), "it vouches for position 8, which is not between 4 and itself"),
        (row(8, signed_at(9)), "it vouches for position 9, which is not between 4 and itself"),
        (row(8, signed_at(4)), "it vouches for position 4, which is not between 4 and itself"),
        (row(8, signed_at(3)), "it vouches for position 3, which is not between 4 and itself"),
        (row(8, replace(signed_at(7), signature=bytes(64))), f"the key {KEY_ID} did not sign what it says"),
        (replace(row(8, signed_at(7)), data="{}"), "it cannot be understood: .*its fields must be"),
        (replace(row(8, signed_at(7)), schema_version=999), "it cannot be understood"),
        (
            SignedHeadRow(
                position=8,
                type=encode_event(account_created(1))[0],
                schema_version=SCHEMA_VERSION,
                data=encode_event(account_created(1))[1],
            ),
            "it is no checkpoint but keyfold.account.created",
        ),
    ],
)
def test_worthless_ones_do_not(second: SignedHeadRow, said: str) -> None:
    """One that does not go further, is not before itself, not genuine or no checkpoint counts for nothing."""
    weighed = weigh_recorded([row(5, signed_at(4)), second, row(12, signed_at(11))], PUBLIC_KEYS)
    assert [each.signed for each in weighed.genuine] == [signed_at(4), signed_at(11)]
    assert list(weighed.faults) == [8]
    assert re.match(said, weighed.faults[8])


def test_unknown_key() -> None:
    """A checkpoint of a key that is not believed is worthless, and says which keys were given."""
    weighed = weigh_recorded([row(5, signed_at(4))], {"0123456789abcdef": KEY.public_key()})
    said = f"it names the signing key {KEY_ID!r}, and the public keys given are 0123456789abcdef"
    assert weighed.faults == {5: said}


def test_without_keys() -> None:
    """Without any keys what the ledger holds is taken on trust, and what a file holds is not."""
    bad = replace(signed_at(4), signature=bytes(64))
    assert [each.signed for each in weigh_recorded([row(5, bad)], {}).genuine] == [bad]
    assert weigh_file(format_line(signed_at(4)), {}).genuine == ()


def test_empty_file() -> None:
    """A file without lines says nothing, and is not at fault."""
    assert weigh_file(b"", PUBLIC_KEYS) == FiledHeads()


def test_event_and_line_say_the_same() -> None:
    """What an event carries is what its line in the file says."""
    assert (
        signed_head_of(event_of(signed_at(4)))
        == weigh_file(format_line(signed_at(4)), PUBLIC_KEYS).genuine[0].signed
    )
