"""What checkpoints are worth, wherever they were found."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keyfold.domain.lifecycle.signed_head import LedgerCheckpointed
from keyfold.wire.events.codec import encode_event
from keyfold.wire.events.upcasting import SCHEMA_VERSION
from keyfold.wire.proof.signed_head import HeadClaim, SignedHead, format_line, key_id_of, sign
from keyfold.wire.proof.signed_head_proof import (
    FiledHeads,
    SignedHeadRow,
    signed_head_of,
    weigh_file,
    weigh_recorded,
)
from tests.support.ledger_builder import START, account_created

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEY_ID = key_id_of(KEY.public_key())
KEYS = {KEY_ID: KEY.public_key()}


def signed(position: int) -> SignedHead:
    """Return a genuine checkpoint."""
    checkpoint = HeadClaim(position=position, head_hash=bytes(32), at=START, signing_key_id=KEY_ID)
    return SignedHead(claim=checkpoint, signature=sign(checkpoint, KEY))


def event(each: SignedHead) -> LedgerCheckpointed:
    """Return the event that carries a checkpoint."""
    return LedgerCheckpointed(
        position=each.claim.position,
        head_hash=each.claim.head_hash,
        at=each.claim.at,
        signing_key_id=each.claim.signing_key_id,
        signature=each.signature,
    )


def row(at: int, each: SignedHead) -> SignedHeadRow:
    """Return the row at a position that holds a checkpoint."""
    name, data = encode_event(event(each))
    return SignedHeadRow(position=at, type=name, schema_version=SCHEMA_VERSION, data=data)


def test_genuine_ones_count() -> None:
    """Checkpoints that go further each time, signed by a key that is believed, all count."""
    weighed = weigh_recorded([row(5, signed(4)), row(8, signed(5)), row(9, signed(8))], KEYS)
    assert [each.signed for each in weighed.genuine] == [signed(4), signed(5), signed(8)]
    assert not weighed.faults
    assert set(weighed.positions) == {5, 8, 9}
    assert weighed.genuine[1].source == "the checkpoint at position 8"


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (row(8, signed(8)), "it vouches for position 8, which is not between 4 and itself"),
        (row(8, signed(9)), "it vouches for position 9, which is not between 4 and itself"),
        (row(8, signed(4)), "it vouches for position 4, which is not between 4 and itself"),
        (row(8, signed(3)), "it vouches for position 3, which is not between 4 and itself"),
        (row(8, replace(signed(7), signature=bytes(64))), f"the key {KEY_ID} did not sign what it says"),
        (replace(row(8, signed(7)), data="{}"), "it cannot be understood: .*its fields must be"),
        (replace(row(8, signed(7)), schema_version=999), "it cannot be understood"),
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
    weighed = weigh_recorded([row(5, signed(4)), second, row(12, signed(11))], KEYS)
    assert [each.signed for each in weighed.genuine] == [signed(4), signed(11)]
    assert list(weighed.faults) == [8]
    assert re.match(said, weighed.faults[8])


def test_unknown_key() -> None:
    """A checkpoint of a key that is not believed is worthless, and says which keys were given."""
    weighed = weigh_recorded([row(5, signed(4))], {"0123456789abcdef": KEY.public_key()})
    said = f"it names the signing key {KEY_ID!r}, and the public keys given are 0123456789abcdef"
    assert weighed.faults == {5: said}


def test_without_keys() -> None:
    """Without any keys what the ledger holds is taken on trust, and what a file holds is not."""
    bad = replace(signed(4), signature=bytes(64))
    assert [each.signed for each in weigh_recorded([row(5, bad)], {}).genuine] == [bad]
    assert weigh_file(format_line(signed(4)), {}).genuine == ()


def test_empty_file() -> None:
    """A file without lines says nothing, and is not at fault."""
    assert weigh_file(b"", KEYS) == FiledHeads()


def test_event_and_line_say_the_same() -> None:
    """What an event carries is what its line in the file says."""
    assert signed_head_of(event(signed(4))) == weigh_file(format_line(signed(4)), KEYS).genuine[0].signed
