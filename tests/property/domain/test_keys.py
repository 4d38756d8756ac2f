"""Keys: every key that is minted is read, and a slip of the hand never makes another."""

from hypothesis import assume, given
from hypothesis import strategies as st

from keyfold.domain.access.key_proof import MALFORMED, Credential
from keyfold.wire.keys.format import ALPHABET, KeyKind, base62, mint, public_id_of, read_key
from tests.support.property.strategies import BASE62, digests

kinds = st.sampled_from(KeyKind)
public_ids = st.text(BASE62, min_size=12, max_size=12)
modes = st.sampled_from(["live", "test"])


@given(kind=kinds, public_id=public_ids, random=digests, mode=modes)
def test_every_minted_key_is_read(kind: KeyKind, public_id: str, random: bytes, mode: str) -> None:
    """Its own header reads it as its id and digest; the other header refuses it."""
    minted = mint(kind, public_id, random, mode=mode)
    assert read_key(kind, minted.secret) == Credential(minted.key_id, minted.digest)
    assert minted.key_id == f"key_{public_id}"
    (other,) = set(KeyKind) - {kind}
    assert read_key(other, minted.secret) is MALFORMED


@given(kind=kinds, public_id=public_ids, random=digests, data=st.data())
def test_a_slip_of_the_hand_is_malformed(
    kind: KeyKind, public_id: str, random: bytes, data: st.DataObject
) -> None:
    """One to four neighbouring characters changed, or any two exchanged, is no key."""
    secret = mint(kind, public_id, random).secret
    start = data.draw(st.integers(9, len(secret) - 1))
    burst = data.draw(st.text(ALPHABET, min_size=1, max_size=4))[: len(secret) - start]
    first, second = sorted(data.draw(st.tuples(*[st.integers(0, len(secret) - 1)] * 2)))
    swapped = list(secret)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    for spoilt in (secret[:start] + burst + secret[start + len(burst) :], "".join(swapped)):
        assert spoilt == secret or read_key(kind, spoilt) is MALFORMED


@given(kind=kinds, text=st.text(st.characters(), max_size=80))
def test_any_other_text_is_malformed(kind: KeyKind, text: str) -> None:
    """Whatever stands in the header, reading it gives an answer."""
    assert read_key(kind, text) is MALFORMED


@given(first=digests, second=digests)
def test_two_secrets_never_share_a_text(first: bytes, second: bytes) -> None:
    """Every random value has a text of its own."""
    assume(first != second)
    assert mint(KeyKind.VENDOR, "0" * 12, first) != mint(KeyKind.VENDOR, "0" * 12, second)


@given(number=st.integers(0, 62**12 - 1))
def test_base62_reads_back(number: int) -> None:
    """The digits are the number, most significant first."""
    value = 0
    for digit in base62(number, 12):
        value = value * 62 + ALPHABET.index(digit)
    assert value == number
    assert public_id_of(number.to_bytes(9)) == base62(number, 12)
