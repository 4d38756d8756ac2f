"""A registry's answers, for commands to show."""

from __future__ import annotations

from typing import Any

KEY: dict[str, Any] = {
    "key_id": "key_1",
    "account_id": "acc_1",
    "name": "Desk",
    "permissions": {"appointment": "write", "clinical": "none"},
    "vendor_ids": None,
    "networks": ["192.0.2.0/24", "2001:db8::/32"],
    "rate_limit": None,
    "expires_at": None,
    "state": "active",
    "secret_hint": "kfs_live_…abcd",
    "old_secret_works_until": None,
    "created_at": "2026-01-31T08:09:10.123456Z",
    "revoked_at": None,
    "last_used_at": None,
    "last_refused_at": None,
    "version": 3,
}
