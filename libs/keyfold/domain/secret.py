"""The secret that a rotation replaces: it may go on working beside the new one, dies by itself, and is known
for a while yet, so that whoever tries it can be told.
"""

import hmac
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

REPLACED_MAX: Final = 3
"""How many replaced secrets of a key are known: as many as a million keys may have in under 400 MB."""
REPLACED_BYTES: Final = 8
"""How much is kept of the digest of each, its end: whoever is known by it is denied, and filed as such."""


class OutgoingSecret(Struct, frozen=True, kw_only=True, gc=False):
    """A key's earlier secret, by its SHA-256 digest (32 bytes), good until `works_until` and not at it."""

    digest: bytes
    secret_hint: str
    works_until: datetime

    def works(self, now: datetime) -> bool:
        """Tell whether it still opens anything: its end needs no event."""
        return now < self.works_until


def overlap_end(rotated_at: datetime, overlap: timedelta) -> datetime | None:
    """Return when a replaced secret stops, or None where it stops with the rotation itself."""
    return rotated_at + overlap if overlap else None


def outgoing(digest: bytes, secret_hint: str, overlap_ends_at: datetime | None) -> OutgoingSecret | None:
    """Return what a rotation leaves of the secret before. One from before that is not kept beside it."""
    if overlap_ends_at is None:
        return None
    return OutgoingSecret(digest=digest, secret_hint=secret_hint, works_until=overlap_ends_at)


def replaced_after(digest: bytes, replaced: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return the ends of the digests of a key's earlier secrets, newest first, after one more rotation."""
    return (digest[-REPLACED_BYTES:], *replaced)[:REPLACED_MAX]


def is_replaced(digest: bytes, replaced: tuple[bytes, ...]) -> bool:
    """Tell whether a digest is one of a key's earlier secrets', in a time that says nothing of which."""
    end = digest[-REPLACED_BYTES:]
    return sum(hmac.compare_digest(each, end) for each in replaced) > 0
