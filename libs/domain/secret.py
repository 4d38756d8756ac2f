"""The secret that a rotation replaces: it may go on working beside the new one, and dies by itself."""

from datetime import datetime, timedelta

from msgspec import Struct


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
