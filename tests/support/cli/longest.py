"""The longest there is of everything that a service shows: ids, names of many scripts, paths and counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any, Final

from keyfold.domain.permissions import CATEGORIES
from keyfold.runtime.http import rfc3339

ACCOUNT, VENDOR, KEY = (
    prefix + sha256(prefix.encode()).hexdigest()[:28] for prefix in ("acc_", "ven_", "key_")
)
NAMES: Final = (
    "歯科医院山田" * 33,
    "Praxis 👩‍👩‍👧‍👦 Dr. Müller " * 8,
    "می‌خواهم نام‌های فارسی " * 8,
    "x" * 200,
)
PROSE: Final = "We remind patients of appointments.\nAnd of nothing else:\t" + "word " * 60
JsonObject = dict[str, Any]
_numbers = count()


def an_id(prefix: str) -> str:
    """Return a new id."""
    return prefix + sha256(f"{prefix}{next(_numbers)}".encode()).hexdigest()[:28]


def a_time() -> str:
    """Return a new time, on a day of its own."""
    return rfc3339(datetime(2026, 1, 1, 12, 34, 56, 123456, UTC) + timedelta(days=next(_numbers)))


def a_name() -> str:
    """Return a name in another script than the last one."""
    return NAMES[next(_numbers) % len(NAMES)].strip()


def a_path() -> str:
    """Return a path that is too long for any screen."""
    return f"/v1/patient/{next(_numbers)}/" + "very-long-segment/" * 20


def key(**changes: Any) -> JsonObject:
    """Return a subscriber key with every field set."""
    return {
        "key_id": an_id("key_"),
        "account_id": ACCOUNT,
        "name": a_name(),
        "permissions": dict.fromkeys(CATEGORIES, "write"),
        "vendor_ids": [an_id("ven_") for _ in range(50)],
        "networks": ["2001:db8:1111:2222:3333:4444:5555:0/124"] * 3,
        "rate_limit": {"requests": 1_000_000, "per_s": 86_400, "burst": 1_000_000},
        "expires_at": a_time(),
        "state": "active",
        "secret_hint": "kfs_live_0123456789AB…wxyz",
        "old_secret_works_until": a_time(),
        "created_at": a_time(),
        "revoked_at": None,
        "last_used_at": a_time(),
        "last_refused_at": a_time(),
        "version": 3,
        "warnings": [],
        **changes,
    }


def vendor_key(**changes: Any) -> JsonObject:
    """Return a vendor key, revoked and replaced at once."""
    return key(vendor_id=VENDOR, revoked_at=a_time(), state="revoked", **changes)


def vendor() -> JsonObject:
    """Return a vendor with the longest fields."""
    review = {"verdict": "pass", "reviewer": f"rita-{'r' * 200}", "counts": False}
    return {
        "vendor_id": an_id("ven_"),
        "name": a_name(),
        "state": "suspended",
        "contact_email": f"{'someone' * 30}@recall.example",
        "website": f"https://recall.example/{'x' * 470}",
        "intended_use": PROSE,
        "categories": list(CATEGORIES),
        "reviews": [{**review, "kind": kind, "reviewed_at": a_time()} for kind in ("security", "compliance")],
        "reviews_lapse_at": a_time(),
    }


def happened() -> JsonObject:
    """Return an entry of a history."""
    changes = [
        ("name", a_name(), a_name()),
        ("vendor_ids", None, [an_id("ven_") for _ in range(9)]),
        ("expires_at", a_time(), a_time()),
    ]
    return {
        "at": a_time(),
        "summary": "How often the key may be used changed",
        "reason": PROSE,
        "key_id": an_id("key_"),
        "actor": {"role": "owner", "subject": "olga-" + "o" * 100},
        "changes": [{"field": field, "before": before, "after": after} for field, before, after in changes],
    }


def recorded() -> JsonObject:
    """Return an event of the ledger."""
    return {
        "position": 9_223_372_036_854_775_807 - next(_numbers),
        "stream": an_id("key_"),
        "type": "keyfold.subscriber_key.permissions_changed",
        "actor": {"role": "owner", "subject": an_id("usr_")},
        "recorded_at": a_time(),
    }


def checkpoint() -> JsonObject:
    """Return a checkpoint of the ledger."""
    return {
        "position": 9_223_372_036_854_775_807 - next(_numbers),
        "at": a_time(),
        "signing_key_id": sha256(a_time().encode()).hexdigest()[:16],
        "head_hash": sha256(a_time().encode()).hexdigest(),
    }


def access(**changes: Any) -> JsonObject:
    """Return an access event."""
    return {
        "at": a_time(),
        "account_id": ACCOUNT,
        "key_id": an_id("key_"),
        "vendor_id": an_id("ven_"),
        "category": "appointment",
        "access": "write",
        "method": "GET",
        "path": a_path(),
        "decision": "deny",
        "reason": "unknown_subscriber_key",
        "gateway": "g" * 64,
        "client_ip": "2001:db8:1111:2222:3333:4444:5555:6666",
        "requests": 1_000_000,
        "vendor_name": a_name(),
        "key_name": a_name(),
        **changes,
    }


def decided() -> JsonObject:
    """Return a decision with its explanation."""
    remedy = "Add a network that holds 2001:db8:1111:2222:3333:4444:5555:6666 to the key's."
    explanation = {"sentence": PROSE, "remedy": remedy, "by": "owner"}
    return access(position=10**18, traceparent=None, explanation=explanation)


def filed() -> JsonObject:
    """Return an hour of a gatekeeper's run."""
    ranges = [{"first": 10**9 + number * 10, "last": 10**9 + number * 10 + 5} for number in range(4)]
    return {
        "gatekeeper": "0195f000-0000-7000-8000-" + f"{next(_numbers):012}",
        "hour": a_time(),
        "first": 1,
        "last": 10**12,
        "expected": 10**12,
        "filed": 10**12,
        "missing": 20,
        "missing_ranges": ranges,
        "extra": 20,
        "extra_ranges": ranges,
        "duplicates": 10**9,
        "unknown_after": 1,
        "ended": False,
        "caught_up": True,
        "run": "wrong_signature",
        "rows_checked": True,
        "present": 10**12,
        "altered_blocks": ranges,
    }


def gatekeeper() -> JsonObject:
    """Return a gatekeeper's position and lease."""
    return {
        "id": "0195f000-0000-7000-8000-" + f"{next(_numbers):012}",
        "host": "gatekeeper-0.gatekeepers.keyfold.svc.cluster.local",
        "applied_position": 10**18,
        "renewed_at": a_time(),
        "lease_until": a_time(),
        "in_the_way": True,
    }


def decision() -> JsonObject:
    """Return a dry run's answer for a key."""
    outcomes = {"vendor_suspended": "passed", "network_not_allowed": "failed", "read_only": "not_evaluated"}
    change = "Let the key work from 2001:db8:1111:2222:3333:4444:5555:6666 as well."
    return {
        "decision": "deny",
        "reason": "network_not_allowed",
        "status": 403,
        "category": "appointment",
        "access": "write",
        "position": 10**18,
        "checks": [{"check": check, "outcome": outcome} for check, outcome in outcomes.items()],
        "changes": [{"check": "network_not_allowed", "change": change, "by": "owner"}],
    }


def shadow() -> JsonObject:
    """Return differences of two route maps."""
    mapped = {"line": 12, "pattern": "/v1/patient/*/" + "x" * 60, "category": "patient", "access": "read"}
    item = {
        "method": "PROPPATCH",
        "old": mapped,
        "new": dict.fromkeys(mapped),
        "becomes": "allow_to_deny",
        "count": 10**9,
        "last_at": a_time(),
        "examples": [a_path(), a_path()],
    }
    return {"running": True, "since": a_time(), "compared": 10**9, "not_kept": 3, "items": [item]}


def letter() -> JsonObject:
    """Return a dead letter."""
    return {
        "offset": 10**12,
        "recorded_at": a_time(),
        "reason": "bad_record: " + "it holds what nobody can read " * 4,
        "origin": "keyfold.lifecycle.v1[0]@1000000000000",
    }


def unused() -> JsonObject:
    """Return a key's unused permissions."""
    return {
        "key_id": KEY,
        "since": a_time(),
        "as_of": a_time(),
        "unused": list(CATEGORIES),
        "unknown_because": None,
        "categories": [{"category": each, "granted": "write", "used": "none"} for each in CATEGORIES],
    }


def revocations() -> JsonObject:
    """Return the results of revoking many keys."""
    results = ("revoked", "already_revoked", "not_found")
    return {
        "items": [
            {"key_id": an_id("key_"), "name": a_name(), "result": result, "revoked_at": a_time()}
            for result in results
        ]
    }


def counted() -> JsonObject:
    """Return counts by the day."""
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    items = [
        {"start": rfc3339(now - timedelta(days=day)), "category": each, "decision": "deny", "requests": 10**9}
        for day in range(9)
        for each in CATEGORIES
    ]
    return {"items": items, "next_cursor": None}


def account() -> JsonObject:
    """Return an account."""
    return {"account_id": ACCOUNT, "name": a_name(), "integrations_enabled": True}


def invitation() -> JsonObject:
    """Return an invitation."""
    return {
        "invitation_id": an_id("inv_"),
        "role": "owner",
        "account_id": ACCOUNT,
        "vendor_id": None,
        "state": "withdrawn",
        "made_at": a_time(),
        "expires_at": a_time(),
        "used_by": None,
    }


def login() -> JsonObject:
    """Return a login with the longest possible names."""
    return {
        "login_id": an_id("log_"),
        "account_id": ACCOUNT,
        "vendor_id": None,
        "issuer": "https://sign-in.practice.example/realms/" + "r" * 100,
        "subject": "olga-" + "o" * 250,
        "bound_at": a_time(),
        "ended_at": None,
    }
