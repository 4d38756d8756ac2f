"""What others see of any key."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from keyfold.domain.lifecycle.aggregates import SUBSCRIBER_KEY, VENDOR_KEY
from keyfold.domain.lifecycle.keys import public_fields
from tests.support.property.strategies import instances_of


@pytest.mark.parametrize("kind", [*SUBSCRIBER_KEY.states, *VENDOR_KEY.states])
@given(data=st.data())
def test_no_digest_is_public(kind: type[Any], data: st.DataObject) -> None:
    """No field holds bytes, by itself or within a tuple: a key has none that is not of a secret."""
    public = public_fields(data.draw(instances_of(kind)))
    assert [name for name, value in public.items() if bytes in _types_in(value)] == []
    assert len(public) < len(fields(kind))


def _types_in(value: object) -> set[type]:
    return {type(value), *(type(each) for each in value)} if isinstance(value, tuple) else {type(value)}
