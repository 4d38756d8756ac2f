"""The text of a key: minted once, read back whole, and refused for any slip of the hand."""

from hashlib import sha256

import pytest

from keyfold.domain.access.key_proof import MALFORMED, Credential
from keyfold.domain.ids import KeyId
from keyfold.wire.keys.format import (
    ALPHABET,
    KEY_LENGTH,
    KeyKind,
    MintedKey,
    base62,
    digest_of,
    holds_key,
    mint,
    public_id_of,
    read_key,
)

PUBLIC_ID = "0aZ9bY8cX7dW"
VENDOR = mint(KeyKind.VENDOR, PUBLIC_ID, bytes(range(32)))
SUBSCRIBER = mint(KeyKind.SUBSCRIBER, PUBLIC_ID, bytes(range(32)))
TEST = mint(KeyKind.SUBSCRIBER, PUBLIC_ID, bytes(range(32)), mode="test")
KEYS = [(KeyKind.VENDOR, VENDOR), (KeyKind.SUBSCRIBER, SUBSCRIBER), (KeyKind.SUBSCRIBER, TEST)]


def test_a_key_has_the_parts_that_the_format_names() -> None:
    """Prefix, 12 characters of id, 43 digits of secret, 6 of CRC-32: the text is fixed for ever."""
    assert SUBSCRIBER.secret == (
        "kfs_live_0aZ9bY8cX7dW" + base62(int.from_bytes(bytes(range(32))), 43) + SUBSCRIBER.secret[-6:]
    )
    assert SUBSCRIBER.secret == "kfs_live_0aZ9bY8cX7dW003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf24R4vL"
    assert VENDOR.secret.startswith("kfv_live_")
    assert TEST.secret.startswith("kfs_test_")
    assert {len(key.secret) for _, key in KEYS} == {KEY_LENGTH} == {70}


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_a_minted_key_reads_back(kind: KeyKind, key: MintedKey) -> None:
    """What was minted names its id and the digest of its whole text."""
    assert read_key(kind, key.secret) == Credential(KeyId("key_" + PUBLIC_ID), key.digest)
    assert key.digest == sha256(key.secret.encode()).digest() == digest_of(key.secret)


def test_a_minted_key_shows_its_hint_and_nothing_more() -> None:
    """A hint tells keys apart in a list; the secret is in neither text of the value."""
    assert SUBSCRIBER.secret_hint == f"kfs_live_{PUBLIC_ID}…{SUBSCRIBER.secret[-4:]}"
    assert SUBSCRIBER.key_id == "key_" + PUBLIC_ID
    for text in (repr(SUBSCRIBER), str(SUBSCRIBER), f"{SUBSCRIBER}"):
        assert text == f"MintedKey({SUBSCRIBER.secret_hint})"


def test_no_header_is_no_key_and_an_empty_one_is_malformed() -> None:
    """Nothing presented is told apart from something that is no key."""
    assert read_key(KeyKind.VENDOR, None) is None
    assert read_key(KeyKind.VENDOR, "") is MALFORMED


def test_a_swapped_pair_is_malformed() -> None:
    """A vendor key in the subscriber's header is refused without a look-up, and the other way round."""
    assert read_key(KeyKind.SUBSCRIBER, VENDOR.secret) is MALFORMED
    assert read_key(KeyKind.VENDOR, SUBSCRIBER.secret) is MALFORMED
    assert read_key(KeyKind.VENDOR, TEST.secret) is MALFORMED


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_every_wrong_character_is_malformed(kind: KeyKind, key: MintedKey) -> None:
    """Any one character put for any other, anywhere in the key, is refused."""
    secret = key.secret
    for index, right in enumerate(secret):
        for wrong in ALPHABET + "_- é٣\x00\n":
            if wrong != right:
                assert read_key(kind, secret[:index] + wrong + secret[index + 1 :]) is MALFORMED


def test_every_transposition_is_malformed() -> None:
    """Any two characters in each other's place, neighbours or not, are refused."""
    secret = SUBSCRIBER.secret
    for first in range(KEY_LENGTH):
        for second in range(first + 1, KEY_LENGTH):
            if secret[first] != secret[second]:
                letters = list(secret)
                letters[first], letters[second] = letters[second], letters[first]
                assert read_key(KeyKind.SUBSCRIBER, "".join(letters)) is MALFORMED


def test_every_omission_insertion_and_repetition_is_malformed() -> None:
    """A character too few or too many, a part, a padded or a doubled key is refused."""
    secret = SUBSCRIBER.secret
    spoilt = [secret[:end] for end in range(KEY_LENGTH)]
    spoilt += [secret[start:] for start in range(1, KEY_LENGTH)]
    spoilt += [secret[:at] + secret[at + 1 :] for at in range(KEY_LENGTH)]
    spoilt += [secret[:at] + "0" + secret[at:] for at in range(KEY_LENGTH + 1)]
    spoilt += [
        secret + secret,
        secret + "\n",
        " " + secret,
        secret.upper(),
        secret.lower(),
        secret.swapcase(),
    ]
    assert all(read_key(KeyKind.SUBSCRIBER, text) is MALFORMED for text in spoilt)


def test_test_mode_is_not_live_mode() -> None:
    """The mode is under the checksum: nobody turns a test key into a live one."""
    assert read_key(KeyKind.SUBSCRIBER, TEST.secret.replace("test", "live")) is MALFORMED
    assert TEST.digest != SUBSCRIBER.digest


@pytest.mark.parametrize(
    ("public_id", "random", "mode"),
    [
        ("0" * 11, bytes(32), "live"),
        ("0" * 13, bytes(32), "live"),
        ("0" * 12, bytes(31), "live"),
        ("0" * 12, bytes(33), "live"),
        ("0" * 11 + "_", bytes(32), "live"),
        ("0" * 11 + "é", bytes(32), "live"),
        ("0" * 12, bytes(32), "prod"),
        ("0" * 12, bytes(32), "LIVE"),
    ],
)
def test_a_key_that_could_not_be_read_is_not_minted(public_id: str, random: bytes, mode: str) -> None:
    """Minting takes 12 base62 characters, 32 random bytes and a known mode, and nothing else."""
    with pytest.raises(ValueError, match=r"public id|ascii"):
        mint(KeyKind.VENDOR, public_id, random, mode=mode)


@pytest.mark.parametrize(
    ("number", "length", "text"),
    [(0, 3, "000"), (9, 1, "9"), (10, 1, "A"), (35, 1, "Z"), (36, 1, "a"), (61, 1, "z"), (62, 2, "10")],
)
def test_base62_is_digits_capitals_letters(number: int, length: int, text: str) -> None:
    """Digits come before capitals before small letters, most significant first."""
    assert base62(number, length) == text


def test_the_largest_secret_fits_its_digits() -> None:
    """43 digits hold every 256-bit number: no two secrets share a text."""
    assert 62**42 < 2**256 <= 62**43
    least, most = (mint(KeyKind.VENDOR, PUBLIC_ID, random).secret for random in (bytes(32), b"\xff" * 32))
    assert least[21:64] == "0" * 43 < most[21:64]


def test_a_public_id_is_twelve_characters_of_all_its_bytes() -> None:
    """Every one of its random bytes counts, the first and the last."""
    assert public_id_of(bytes(9)) == "0" * 12
    assert public_id_of(bytes(8) + b"\x01") == "0" * 11 + "1"
    assert public_id_of(b"\x01" + bytes(8)) not in ("0" * 12, "0" * 11 + "1")


@pytest.mark.parametrize("key", [VENDOR, SUBSCRIBER, TEST])
def test_a_key_is_found_within_a_text(key: MintedKey) -> None:
    """A key in a text is found, also where its end is missing; its hint and its id are no secret."""
    for text in (key.secret, f"it is {key.secret}.", key.secret[:40], f"x{key.secret}"):
        assert holds_key(text)
    for text in (key.secret_hint, f"{key.secret_hint} of {key.key_id}", "", "kfs_live_", key.secret[9:]):
        assert not holds_key(text)
