"""The secret that a rotation replaces: how long it works, and that only one is kept."""

from datetime import timedelta

import pytest

from keyfold.domain.secret import (
    REPLACED_BYTES,
    REPLACED_MAX,
    is_replaced,
    outgoing,
    overlap_end,
    replaced_after,
)
from tests.support.domain.given import LATER, MOMENT, NOW, OLD_SECRET


def test_an_old_secret_works_until_its_end_and_not_at_it() -> None:
    """A microsecond before, it works; at the instant and ever after, it does not."""
    works = [OLD_SECRET.works(LATER + late) for late in (-MOMENT, timedelta(0), MOMENT)]
    assert works == [True, False, False]


@pytest.mark.parametrize(
    ("overlap", "end"), [(timedelta(0), None), (MOMENT, NOW + MOMENT), (timedelta(hours=1), LATER)]
)
def test_an_overlap_ends_its_length_after_the_rotation(overlap: timedelta, end: object) -> None:
    """One of no length is none."""
    assert overlap_end(NOW, overlap) == end


def test_a_replaced_secret_is_kept_for_an_overlap_alone() -> None:
    """Without one, nothing is left of it."""
    assert outgoing(OLD_SECRET.digest, OLD_SECRET.secret_hint, LATER) == OLD_SECRET
    assert outgoing(OLD_SECRET.digest, OLD_SECRET.secret_hint, None) is None


def test_the_newest_replaced_secrets_are_known() -> None:
    """Of each rotation the secret before is known, up to a bound: the oldest is forgotten first."""
    replaced: tuple[bytes, ...] = ()
    digests = [bytes([number]) * 32 for number in range(REPLACED_MAX + 1)]
    for digest in digests:
        replaced = replaced_after(digest, replaced)
    assert replaced == tuple(digest[-REPLACED_BYTES:] for digest in reversed(digests[1:]))
    assert [is_replaced(digest, replaced) for digest in digests] == [False] + [True] * REPLACED_MAX
    assert not is_replaced(digests[-1], ())
