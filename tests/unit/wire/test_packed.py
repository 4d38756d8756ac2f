"""A mapping that keeps its values packed, and what each takes."""

import gc
import runpy
import sys

import pytest
from msgspec.structs import replace

from keyfold.domain.ids import KeyId
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey, evolve
from keyfold.domain.lifecycle.vendor_key import VendorKey
from keyfold.wire.keys import packed_key
from keyfold.wire.keys.packed import Packed
from keyfold.wire.keys.packed_key import pack_key, unpack_key
from tests.support.ledger_builder import key_created, key_id, key_revoked

ENTRY_BYTES_MAX = 16 * 3 + 16
"""What a dict takes for an entry while it is at its emptiest: a third full, with its index."""


def key(number: int) -> ActiveSubscriberKey:
    """Return a key such as most are, with the hint of a minted one."""
    made = evolve(None, key_created(number))
    assert isinstance(made, ActiveSubscriberKey)
    hint = f"kfs_live_{number:012}…ab3d"
    return replace(made, name="Reminders for patients", secret_hint=hint)


def held(*numbers: int) -> Packed[KeyId, ActiveSubscriberKey | RevokedSubscriberKey | VendorKey]:
    """Return a mapping of so many keys."""
    keys = Packed(pack_key, unpack_key)
    for number in numbers:
        keys[key_id(number)] = key(number)
    return keys


def test_it_is_a_mapping_of_the_values() -> None:
    """What was put under an id is found there, by every way that a dict has."""
    keys = held(1, 2, 3)
    assert keys == {key_id(number): key(number) for number in (1, 2, 3)}
    assert {key_id(2): key(2)} == held(2)
    assert (len(keys), set(keys), key_id(3) in keys) == (3, {key_id(1), key_id(2), key_id(3)}, True)
    assert keys[key_id(2)] == keys.get(key_id(2)) == key(2)


def test_what_is_not_there_is_not_found() -> None:
    """An unknown id gives the default, and is no key; one that was deleted is unknown."""
    keys = held(1)
    del keys[key_id(1)]
    assert (keys.get(key_id(1)), keys.get(key_id(1), "none"), key_id(1) in keys) == (None, "none", False)
    assert len(keys) == 0


def test_a_change_is_seen_at_once() -> None:
    """A key that was looked up before it was revoked is revoked when it is looked up again."""
    keys = held(1)
    assert isinstance(keys.get(key_id(1)), ActiveSubscriberKey)
    keys[key_id(1)] = evolve(key(1), key_revoked(1))
    assert isinstance(keys.get(key_id(1)), RevokedSubscriberKey)


def test_a_value_in_use_is_unpacked_once() -> None:
    """Whoever looks up a key again gets the very same object, which cost nothing to make."""
    keys = held(1)
    assert keys.get(key_id(1)) is keys.get(key_id(1))


def test_values_that_are_packed_already_are_taken_as_they_are() -> None:
    """As the read model holds them, so they are loaded."""
    keys = held()
    keys.load([(key_id(1), pack_key(key(1))), (key_id(2), pack_key(key(2)))])
    assert keys == held(1, 2)


def test_a_million_keys_fit() -> None:
    """A usual key with its id takes less than 270 bytes, and nothing that the collector looks at."""
    packed = pack_key(key(1))
    assert not gc.is_tracked(packed)
    assert sys.getsizeof(packed) + sys.getsizeof(key_id(1)) + ENTRY_BYTES_MAX < 270


def test_no_ninth_category(monkeypatch: pytest.MonkeyPatch) -> None:
    """A category that a packed key has no room for is refused where it is defined."""
    nine = tuple(f"category-{number}" for number in range(9))
    monkeypatch.setattr("keyfold.domain.permissions.CATEGORIES", nine)
    with pytest.raises(TypeError, match="room for 8 categories, not for 9"):
        runpy.run_path(str(packed_key.__file__))
