"""A gatekeeper's view of a key: the key, and what else a decision about it depends on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyRateLimitChanged
from keyfold.domain.rate_limit import RateLimit
from keyfold.wire.keys.format import KeyKind
from tests.support.gatekeeper.asked import Asked, Json, asking
from tests.support.gatekeeper.practice import (
    ACCOUNT,
    AT,
    EXPIRED_KEY,
    KEY,
    NAMED_KEY,
    NETWORKED_KEY,
    OTHER_VENDOR,
    REVOKED_KEY,
    REVOKED_VENDOR_KEY,
    SHUT_KEY,
    SUSPENDED_VENDOR,
    SUSPENDED_VENDOR_KEY,
    UNKNOWN_KEY,
    mint_again,
    practice,
    rotated,
)


async def read_key(asked: Asked, key_id: str) -> Json:
    """Return the view of a key without nulls."""
    status, answer = await asked.get(f"/v1/keys/{key_id}")
    assert status == 200
    return {name: value for name, value in answer.items() if value is not None}


async def test_a_subscriber_key(tmp_path: Path) -> None:
    """The view has what the key allows and to whom, its limit, its old secret, and its account's switch."""
    new = mint_again(KeyKind.SUBSCRIBER, NETWORKED_KEY)
    until = AT + timedelta(days=3)
    events = (
        *practice(),
        rotated(new, overlap_ends_at=until),
        SubscriberKeyRateLimitChanged(
            key_id=NETWORKED_KEY.key_id, account_id=ACCOUNT, rate_limit=RateLimit.of(10, 60)
        ),
    )
    async with asking(tmp_path, events) as asked:
        assert await read_key(asked, NETWORKED_KEY.key_id) == {
            "key_id": NETWORKED_KEY.key_id,
            "kind": "subscriber",
            "state": "active",
            "position": len(events),
            "secret_hint": new.secret_hint,
            "created_at": "2026-03-01T00:00:00.000000Z",
            "account_id": ACCOUNT,
            "integrations_enabled": True,
            "permissions": {
                "appointment": "read",
                "clinical": "none",
                "contact": "none",
                "files": "none",
                "financial": "none",
                "patient": "write",
                "system": "none",
            },
            "networks": ["203.0.113.0/24", "2001:db8:7::/48"],
            "rate_limit": {"requests": 10, "per_s": 60, "burst": 10},
            "old_secret_works_until": "2026-03-04T00:00:00.000000Z",
        }
        asked.clock.at = until
        assert "old_secret_works_until" not in await read_key(asked, NETWORKED_KEY.key_id)


async def test_keys_in_their_states(tmp_path: Path) -> None:
    """A key is active, expired or revoked, and its account or vendor is on or off."""
    async with asking(tmp_path) as asked:
        for key, state in [(KEY, "active"), (EXPIRED_KEY, "expired"), (REVOKED_KEY, "revoked")]:
            answer = await read_key(asked, key.key_id)
            assert (answer["state"], answer["integrations_enabled"]) == (state, True)
        assert (await read_key(asked, SHUT_KEY.key_id))["integrations_enabled"] is False
        assert (await read_key(asked, NAMED_KEY.key_id))["vendor_ids"] == [OTHER_VENDOR]
        revoked = await read_key(asked, REVOKED_VENDOR_KEY.key_id)
        assert (revoked["state"], revoked["vendor_state"]) == ("revoked", "approved")
        assert revoked["revoked_at"] == "2026-03-01T00:00:00.000000Z"
        suspended = await read_key(asked, SUSPENDED_VENDOR_KEY.key_id)
        assert suspended == {
            "key_id": SUSPENDED_VENDOR_KEY.key_id,
            "kind": "vendor",
            "state": "active",
            "position": asked.replica.position,
            "secret_hint": SUSPENDED_VENDOR_KEY.secret_hint,
            "created_at": "2026-03-01T00:00:00.000000Z",
            "vendor_id": SUSPENDED_VENDOR,
            "vendor_state": "suspended",
        }


async def test_who_may_look(tmp_path: Path) -> None:
    """Gateways and operators see every key; nobody else sees any."""
    async with asking(tmp_path) as asked:
        for who, status in [("gateway", 200), ("operator", 200), ("owner", 403), ("vendor", 403)]:
            assert (await asked.get(f"/v1/keys/{KEY.key_id}", who))[0] == status
        assert (await asked.get(f"/v1/keys/{UNKNOWN_KEY.key_id}"))[0] == 404
