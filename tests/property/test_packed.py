"""What any key is after it was packed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keyfold.domain.ids import KEY_PREFIX
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, RevokedSubscriberKey
from keyfold.domain.lifecycle.vendor_key import ActiveVendorKey, RevokedVendorKey
from keyfold.wire.keys.packed_key import pack_key, unpack_key
from tests.support.property.strategies import instances_of

KINDS = [ActiveSubscriberKey, RevokedSubscriberKey, ActiveVendorKey, RevokedVendorKey]


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_keys_come_back(kind: type[Any], data: st.DataObject) -> None:
    """A key that was packed is the same key, of the same kind and in the same phase."""
    key = data.draw(instances_of(kind))
    assert unpack_key(key.key_id, pack_key(key)) == key


@given(key=instances_of(ActiveSubscriberKey), end=st.sampled_from(["", "ab3d", "…", "key_"]))
def test_usual_hints_come_back(key: ActiveSubscriberKey, end: str) -> None:
    """A hint that names the key, as those of minted keys do, comes back, whatever stands behind that."""
    hinted = replace(key, secret_hint=f"kfs_live_{key.key_id.removeprefix(KEY_PREFIX)}…{end}")
    assert unpack_key(key.key_id, pack_key(hinted)) == hinted


@given(key=instances_of(ActiveSubscriberKey), name=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_name_may_hold_any_character(key: ActiveSubscriberKey, name: str) -> None:
    """A name comes back as it was, also with the characters that packing itself puts between texts."""
    named = replace(key, name=f"{name}\0{name}")
    assert unpack_key(key.key_id, pack_key(named)) == named
