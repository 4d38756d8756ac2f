"""A dead letter is never larger than what it is about."""

from __future__ import annotations

import pytest

from keyfold.kafka.dead_letters.record import LEFT_OUT, VALUE_BYTES_MAX, dead_letter
from keyfold.wire.record import Received


@pytest.mark.parametrize("size", [0, VALUE_BYTES_MAX, VALUE_BYTES_MAX + 1])
def test_a_long_value_is_left_out(size: int) -> None:
    """What the broker has just taken may be too large with our headers: then only its size is kept."""
    letter = dead_letter(Received("access", 0, 7, b"key", bytes(size), (), 1), reason="no JSON")
    left_out = dict(letter.headers).get(LEFT_OUT)
    if size > VALUE_BYTES_MAX:
        assert (letter.value, left_out) == (None, str(size).encode())
    else:
        assert (letter.value, left_out) == (bytes(size), None)
