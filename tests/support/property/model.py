"""What a reader of the help pages expects, in plain dictionaries: written apart from the domain, and naive.

Every command answers with the names of the events that it makes, or with the code of its refusal.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from keyfold.domain.permissions import Category
from tests.support.property.plain_keys import (
    FOR_EVER,
    Outcome,
    Presented,
    find_proven,
    forget_dead_secrets,
    reminders,
    revoke,
    rotate,
    works,
)

LIVE_KEYS_MAX = 2
REVIEWS_VALID_FOR = timedelta(days=365)
WARNED_BEFORE = timedelta(days=30)
EDITS = {
    "name": "SubscriberKeyRenamed",
    "words": "SubscriberKeyPermissionsChanged",
    "vendors": "SubscriberKeyVendorsChanged",
    "networks": "SubscriberKeyNetworksChanged",
    "limit": "SubscriberKeyRateLimitChanged",
    "expires_at": "SubscriberKeyExpiryChanged",
}
CONTACT = {"contact_email", "website"}
WITHIN: Mapping[str | None, str | None] = {
    "203.0.113.7": "203.0.113.0/24",
    "::ffff:203.0.113.9": "203.0.113.0/24",
    "2001:db8::1": "2001:db8::/32",
    "198.51.100.1": None,
    "nowhere": None,
    None: None,
}
"""Which of the networks that keys are limited to contains each address."""

CATEGORY_OF: Mapping[str, str | None] = {"/v1/patient/7": "patient", "/v1/files/7": "files", "/v2/x": None}


class Model:
    """Accounts, vendors and keys by their ids."""

    def __init__(self) -> None:
        self.accounts: dict[str, bool] = {}
        self.vendors: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, dict[str, Any]] = {}
        self.vendor_keys: dict[str, dict[str, Any]] = {}
        self.logins: dict[str, str] = {}
        self.checkpoint = 0

    def create_account(self, account: str) -> Outcome:
        if account in self.accounts:
            return "account-exists"
        self.accounts[account] = False
        return ["AccountCreated"]

    def set_integrations(self, account: str, enabled: bool) -> Outcome:
        if account not in self.accounts:
            return "not-found"
        before, self.accounts[account] = self.accounts[account], enabled
        return [] if before == enabled else ["IntegrationsEnabled" if enabled else "IntegrationsDisabled"]

    def take_checkpoint(self, position: int) -> Outcome:
        if position <= self.checkpoint:
            return "checkpoint-overtaken"
        self.checkpoint = position
        return ["LedgerCheckpointed"]

    def apply(self, vendor: str, said: dict[str, object], applicant: str) -> Outcome:
        standing = [each for each in self.vendors.values() if each["state"] != "rejected"]
        spoken_for = self.vendors.get(self.logins.get(applicant, ""))
        if vendor in self.vendors or spoken_for in standing:
            return "vendor-exists"
        if applicant in [each["applicant"] for each in standing]:
            return "vendor-exists"
        self.vendors[vendor] = {"state": "applied", "warned": set()}
        self.vendors[vendor] |= {"said": said, "applicant": applicant, "reviews": {}}
        left = ["LoginEnded"] if applicant in self.logins else []
        self.logins[applicant] = vendor
        return [*left, "VendorApplied", "LoginBound"]

    def amend(self, vendor: str, words: dict[str, object]) -> Outcome:
        known = self.vendors.get(vendor)
        if known is None:
            return "not-found"
        if known["state"] == "rejected":
            return "vendor-rejected"
        others = {field for field, value in words.items() if known["said"][field] != value}
        if known["state"] != "applied" and others - CONTACT:
            return "vendor-not-applied"
        if others and known["state"] == "applied":
            known["reviews"] = {}
        known["said"] = known["said"] | words
        return ["VendorAmended"] if others else []

    def reapply(self, vendor: str, said: dict[str, object], applicant: str) -> Outcome:
        known = self.vendors.get(vendor)
        if known is None:
            return "not-found"
        if known["state"] != "rejected":
            return "vendor-not-rejected"
        known |= {"state": "applied", "said": said, "applicant": applicant, "reviews": {}}
        return ["VendorReapplied"]

    def review(self, vendor: str, kind: str, passed: bool, reviewer: str, at: datetime) -> Outcome:
        known = self.vendors.get(vendor)
        if known is None:
            return "not-found"
        if reviewer == known["applicant"]:
            return "own-application"
        if known["state"] == "rejected":
            return "vendor-rejected"
        known["reviews"][kind] = (passed, at + REVIEWS_VALID_FOR)
        return ["VendorReviewed"]

    def approve(self, vendor: str, reviewer: str, at: datetime) -> Outcome:
        known = self.vendors.get(vendor)
        if known is None:
            return "not-found"
        if reviewer == known["applicant"]:
            return "own-application"
        if known["state"] != "applied":
            return [] if known["state"] == "approved" else "vendor-not-applied"
        if {kind for kind, (passed, end) in known["reviews"].items() if passed and at < end} != {
            "security",
            "compliance",
        }:
            return "reviews-missing"
        known["state"] = "approved"
        return ["VendorApproved"]

    def move(self, vendor: str, reviewer: str, start: str, end: str, event: str) -> Outcome:
        known = self.vendors.get(vendor)
        if known is None:
            return "not-found"
        if reviewer == known["applicant"]:
            return "own-application"
        if known["state"] == end:
            return []
        if known["state"] != start:
            return f"vendor-not-{start}"
        known["state"] = end
        return [event]

    def pass_vendor_time(self, vendor: str, at: datetime) -> Outcome:
        known = self.vendors.get(vendor)
        if known is None:
            return "not-found"
        ends = {end for passed, end in known["reviews"].values() if passed and end - WARNED_BEFORE <= at}
        untold = ends - known["warned"] if known["state"] in ("approved", "suspended") else set()
        known["warned"] |= untold
        return ["VendorReviewsLapseNear"] * len(untold)

    def issue(self, vendor: str, key: str, reviewer: str, secret: int) -> Outcome:
        known = self.vendor_keys.get(key)
        if vendor not in self.vendors or (known and known["owner"] != vendor):
            return "not-found"
        if known:
            return "key-exists"
        if reviewer == self.vendors[vendor]["applicant"]:
            return "own-application"
        if self.vendors[vendor]["state"] != "approved":
            return "vendor-not-approved"
        self.vendor_keys[key] = {"owner": vendor, "revoked": False, "secrets": {secret: FOR_EVER}, "old": []}
        return ["VendorKeyIssued"]

    def rotate_vendor_key(
        self, vendor: str, key: str, secret: int, at: datetime, overlap: timedelta
    ) -> Outcome:
        known = self.vendor_keys.get(key)
        if known is None or known["owner"] != vendor:
            return "not-found"
        if known["revoked"]:
            return "key-revoked"
        if self.vendors[vendor]["state"] != "approved":
            return "vendor-not-approved"
        rotate(known, secret, at, overlap)
        return ["VendorKeyRotated"]

    def revoke_vendor_key(self, vendor: str, key: str) -> Outcome:
        return revoke(self.vendor_keys.get(key), vendor, "VendorKeyRevoked")

    def pass_vendor_key_time(self, vendor: str, key: str, at: datetime) -> Outcome:
        known = self.vendor_keys.get(key)
        if known is None or known["owner"] != vendor:
            return "not-found"
        return ["VendorKeyOverlapEnded"] if forget_dead_secrets(known, at) else []

    def create_key(self, account: str, key: str, made: dict[str, Any], secret: int, at: datetime) -> Outcome:
        known = self.keys.get(key)
        if account not in self.accounts or (known and known["owner"] != account):
            return "not-found"
        if known:
            return "key-exists"
        if made["expires_at"] is not None and made["expires_at"] <= at:
            return "expires-in-the-past"
        if self._live_keys(account) >= LIVE_KEYS_MAX:
            return "too-many-keys"
        if self._unknown(made["vendors"]):
            return "unknown-vendors"
        words = dict.fromkeys((category.value for category in Category), "none") | made["words"]
        self.keys[key] = {**made, "owner": account, "revoked": False, "secrets": {secret: FOR_EVER}}
        self.keys[key] |= {"words": words, "to_remind": reminders(made["expires_at"], at), "old": []}
        return ["SubscriberKeyCreated"]

    def _live_keys(self, account: str) -> int:
        return len([key for key in self.keys.values() if key["owner"] == account and not key["revoked"]])

    def _unknown(self, named: tuple[str, ...] | None) -> set[str]:
        approved = {vendor for vendor, known in self.vendors.items() if known["state"] == "approved"}
        return {*(named or ())} - approved

    def edit_key(self, account: str, key: str, edits: dict[str, Any], at: datetime) -> Outcome:
        known = self.keys.get(key)
        if known is None or known["owner"] != account:
            return "not-found"
        if known["revoked"]:
            return "key-revoked"
        wanted = {**edits, "words": known["words"] | edits.get("words", {})}
        changed = {field: value for field, value in wanted.items() if known[field] != value}
        if changed.get("expires_at") is not None and changed["expires_at"] <= at:
            return "expires-in-the-past"
        if self._unknown(changed.get("vendors")) - {*(known["vendors"] or ())}:
            return "unknown-vendors"
        if "expires_at" in changed:
            known["to_remind"] = reminders(changed["expires_at"], at)
        known |= changed
        return [event for field, event in EDITS.items() if field in changed]

    def rotate_key(self, account: str, key: str, secret: int, at: datetime, overlap: timedelta) -> Outcome:
        known = self.keys.get(key)
        if known is None or known["owner"] != account:
            return "not-found"
        if known["revoked"]:
            return "key-revoked"
        rotate(known, secret, at, overlap)
        return ["SubscriberKeyRotated"]

    def revoke_key(self, account: str, key: str) -> Outcome:
        return revoke(self.keys.get(key), account, "SubscriberKeyRevoked")

    def pass_key_time(self, account: str, key: str, at: datetime) -> Outcome:
        known = self.keys.get(key)
        if known is None or known["owner"] != account:
            return "not-found"
        if known["revoked"]:
            return []
        ended = forget_dead_secrets(known, at)
        ahead = [instant for instant in known["to_remind"] if instant > at]
        is_reminded, known["to_remind"] = ahead != known["to_remind"], ahead
        return ["SubscriberKeyOverlapEnded"] * ended + ["SubscriberKeyExpiryNear"] * is_reminded

    def names(self, vendor_key: Presented, key: Presented, now: datetime) -> tuple[str | None, str | None]:
        """Return which of two keys a decision names: those of which some secret is presented, old or not."""
        asking, opened = find_proven(self.vendor_keys, vendor_key, now), find_proven(self.keys, key, now)
        return vendor_key[0] if asking else None, key[0] if opened else None

    def reason(
        self, vendor_key: Presented, key: Presented, ip: str | None, verb: str, path: str, now: datetime
    ) -> str | None:
        """Return why a request with an id and a secret of each kind is denied, if it is."""
        asking, opened = find_proven(self.vendor_keys, vendor_key, now), find_proven(self.keys, key, now)
        if asking is None or opened is None:
            return "unknown_vendor_key" if asking is None else "unknown_subscriber_key"
        if not works(asking, vendor_key[1], now):
            return "vendor_key_replaced"
        if not works(opened, key[1], now):
            return "subscriber_key_replaced"
        if asking["revoked"]:
            return "vendor_key_revoked"
        if self.vendors[asking["owner"]]["state"] != "approved":
            return "vendor_suspended"
        if opened["revoked"]:
            return "subscriber_key_revoked"
        if opened["expires_at"] is not None and opened["expires_at"] <= now:
            return "subscriber_key_expired"
        if opened["networks"] is not None and WITHIN[ip] not in opened["networks"]:
            return "network_not_allowed"
        if not self.accounts[opened["owner"]]:
            return "integrations_disabled"
        if opened["vendors"] is not None and asking["owner"] not in opened["vendors"]:
            return "vendor_not_permitted"
        category = CATEGORY_OF[path]
        if category is None:
            return "unmapped_route"
        if opened["words"][category] == "none":
            return "category_denied"
        return "read_only" if verb != "GET" and opened["words"][category] == "read" else None
