"""A key's terms: the part of it that its owner decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from keyfold.console import words
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.web.rendering import instant

RateLimit = Mapping[str, int]
"""`requests` in every `per_s` seconds, `burst` of them at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerms:
    """A key's terms; None means any approved vendor, from anywhere, with the platform's limit, for ever."""

    name: str
    permissions: Mapping[str, str]
    vendor_ids: Sequence[str] | None
    networks: Sequence[str] | None
    rate_limit: RateLimit | None
    expires_at: datetime | None

    @classmethod
    def of(cls, key: JsonObject) -> KeyTerms:
        """Return the terms of a key from the registry."""
        return cls(
            name=key["name"],
            permissions={name: key["permissions"].get(name, "none") for name in words.CATEGORIES},
            vendor_ids=key["vendor_ids"],
            networks=key["networks"],
            rate_limit=key["rate_limit"],
            expires_at=None if key["expires_at"] is None else instant(key["expires_at"]),
        )

    def body(self) -> JsonObject:
        """Return the body for the registry."""
        return {
            "name": self.name,
            "permissions": dict(self.permissions),
            "vendor_ids": None if self.vendor_ids is None else list(self.vendor_ids),
            "networks": None if self.networks is None else list(self.networks),
            "rate_limit": None if self.rate_limit is None else dict(self.rate_limit),
            "expires_at": None if self.expires_at is None else self.expires_at.astimezone(UTC).isoformat(),
        }

    def changes(self, was: KeyTerms) -> JsonObject:
        """Return the body for the registry with only what changed; of permissions those that changed."""
        now, before = self.body(), was.body()
        changed = {name: value for name, value in now.items() if value != before[name]}
        if "permissions" in changed:
            changed["permissions"] = {
                name: access for name, access in self.permissions.items() if access != was.permissions[name]
            }
        return changed
