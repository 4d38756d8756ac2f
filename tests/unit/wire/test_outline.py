"""The outline of a value: what is ours and in its form, and nothing of anything else."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.wire.access.codec import encode_access_event
from keyfold.wire.outline import Outline, outline
from tests.support.access_events import decided
from tests.support.wire.given import SECRET, TOKEN

EVENT = decided(
    7,
    account_id=AccountId("acc_0123456789AB"),
    key_id=KeyId("key_0123456789AB"),
    vendor_id=VendorId("ven_0123456789AB"),
)


def test_of_an_access_event_all_but_free_text_is_told() -> None:
    """Ids, times, numbers and words are shown; paths, addresses and names are not."""
    found = outline(encode_access_event(EVENT))
    assert found.form == "json_object"
    assert found.members["event_id"] == EVENT.event_id
    assert found.members["seq"] == 7
    assert found.members["account_id"] == "acc_0123456789AB"
    assert not {"path", "client_ip", "gateway", "method", "traceparent"} & found.members.keys()


@pytest.mark.parametrize("secret", [SECRET, SECRET[:30], TOKEN, "hunter2"])
def test_no_secret_is_told_wherever_it_stands(secret: str) -> None:
    """Not as a value, not as a name, not within anything, and not as all there is."""
    document = orjson.loads(encode_access_event(EVENT))
    values = [{**document, name: secret} for name in document]
    names = [{**document, secret: 1}, {secret: secret}, [secret], secret, {"key_id": {"key_id": secret}}]
    for each in (*values, *names):
        assert secret not in str(outline(orjson.dumps(each)))
    assert outline(secret.encode()) == Outline(form="text")


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=200) | st.none())
def test_anything_has_an_outline(value: bytes | None) -> None:
    """Whatever a record holds, there is something to be said of it."""
    assert outline(value).form in {"nothing", "json_object", "json", "text", "bytes"}


def test_what_is_long_is_not_read() -> None:
    """A megabyte of brackets takes no time."""
    assert outline(b"[" * 1_000_000) == Outline(form="bytes")
