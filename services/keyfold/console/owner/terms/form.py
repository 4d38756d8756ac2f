"""A key's form: what was typed, what is wrong with it, and the terms that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from ipaddress import ip_network
from typing import Final
from zoneinfo import ZoneInfo

from multidict import MultiMapping

from keyfold.console import words
from keyfold.console.owner.terms.terms import KeyTerms, RateLimit
from keyfold.console.upstream.failures import (
    Changed,
    NotAllowed,
    NotFound,
    ServiceFailed,
    ServiceRefused,
    SignedOut,
    TooMany,
    Wrong,
)
from keyfold.runtime.legible import UNSEEN, is_blank

Faults = dict[str, str]
"""What is wrong, by the field's name; by the empty name what concerns the whole form."""
NAME_CHARACTERS_MAX: Final = 200
LISTED_MAX: Final = 50
"""The most integrations, and the most networks, that a key may name."""
_LAST_OF_DAY: Final = time(23, 59, 59)
_ID: Final = re.compile(r"[A-Za-z0-9_]{1,40}")
_SECRET: Final = re.compile(r"kf[sv]_(live|test)_[0-9A-Za-z]{13}")
_BOUNDS: Final = {"requests": 1_000_000, "per_s": 86_400, "burst": 1_000_000}
_PAST: Final = "This day is over. Choose a later one; to stop a key now, revoke it."
_REFUSED: Final = {
    "unknown-vendors": ("vendor", "One of these integrations is not approved any more. Choose again."),
    "expires-in-the-past": ("expires", _PAST),
    "too-many-keys": (
        "",
        "Your practice has as many keys as it may have. Revoke one that is no longer used, "
        "in another window, and send this again.",
    ),
}
_NOT_KNOWN: Final = (
    "The service that keeps the keys does not answer, so it is not known whether this was done. "
    "Send it again: nothing is done twice."
)
_FIELDS: Final = {"vendor_ids": "vendor", "expires_at": "expires"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyForm:
    """A key's form as it was filled in: `who` is `any` or `these`, `expires` a date in the reader's zone."""

    name: str
    who: str
    vendor_ids: Sequence[str]
    expires: str
    permissions: Mapping[str, str]
    networks: str
    requests: str
    per_s: str
    burst: str

    @classmethod
    def read(cls, fields: MultiMapping[str]) -> KeyForm:
        """Return the form that a browser sent, or that is in an address."""
        typed = {
            name: fields.get(name, "").strip() for name in ("name", "expires", "requests", "per_s", "burst")
        }
        return cls(
            **typed,
            who="any" if fields.get("who") == "any" else "these",
            vendor_ids=tuple(
                each for each in dict.fromkeys(fields.getall("vendor", [])) if _ID.fullmatch(each)
            ),
            permissions={
                category: _access(fields.get(f"may-{category}", "none")) for category in words.CATEGORIES
            },
            networks=fields.get("networks", "").strip(),
        )

    @classmethod
    def of(cls, terms: KeyTerms, zone: ZoneInfo) -> KeyForm:
        """Return the form that shows a key's terms."""
        limit = terms.rate_limit or {}
        return cls(
            name=terms.name,
            who="any" if terms.vendor_ids is None else "these",
            vendor_ids=tuple(terms.vendor_ids or ()),
            expires=_typed_day(terms.expires_at, zone),
            permissions=terms.permissions,
            networks="\n".join(terms.networks or ()),
            requests=str(limit.get("requests", "")),
            per_s=str(limit.get("per_s", "")),
            burst=str(limit.get("burst", "")),
        )

    def fields(self) -> list[tuple[str, str]]:
        """Return the fields that `read` reads, without empty ones."""
        single = [
            (name, getattr(self, name))
            for name in ("name", "who", "expires", "networks", "requests", "per_s", "burst")
        ]
        granted = [(f"may-{name}", access) for name, access in self.permissions.items() if access != "none"]
        return (
            [(name, value) for name, value in single if value]
            + [("vendor", each) for each in self.vendor_ids]
            + granted
        )

    def faults(self, now: datetime, zone: ZoneInfo, *, was: KeyTerms | None = None) -> Faults:
        """Return what is wrong; an end that `was` the key's already may be in the past."""
        found = {
            "name": _name_fault(self.name),
            "vendor": self._vendor_fault(),
            "expires": self._expiry_fault(now, zone, was),
            "networks": _networks_fault(self._networks()),
            **{name: _number_fault(getattr(self, name), most) for name, most in _BOUNDS.items()},
        }
        if bool(self.requests) != bool(self.per_s) or (self.burst and not self.requests):
            missing = "per_s" if self.requests else "requests"
            found[missing] = found[missing] or "A limit is both: how many requests, and in how many seconds."
        return {name: fault for name, fault in found.items() if fault}

    def terms(self, zone: ZoneInfo, *, was: KeyTerms | None = None) -> KeyTerms:
        """Return the terms of a form without faults; an end on the day that it `was` stays to the second."""
        networks = self._networks()
        return KeyTerms(
            name=self.name,
            permissions=self.permissions,
            vendor_ids=None if self.who == "any" else self.vendor_ids,
            networks=[str(ip_network(each)) for each in networks] or None,
            rate_limit=self._rate_limit(),
            expires_at=self._expires_at(zone, was),
        )

    def _vendor_fault(self) -> str:
        if self.who == "any":
            return ""
        if not self.vendor_ids:
            return "Choose at least one integration, or any approved one."
        if len(self.vendor_ids) > LISTED_MAX:
            return f"Choose at most {LISTED_MAX} integrations; these are {len(self.vendor_ids)}."
        return ""

    def _expiry_fault(self, now: datetime, zone: ZoneInfo, was: KeyTerms | None) -> str:
        try:
            expires_at = self._expires_at(zone, was)
        except (ValueError, OverflowError):
            return "Choose a day, such as 2027-06-01, or leave it empty."
        is_kept = was is not None and expires_at == was.expires_at
        return _PAST if expires_at is not None and expires_at <= now and not is_kept else ""

    def _expires_at(self, zone: ZoneInfo, was: KeyTerms | None) -> datetime | None:
        if not self.expires:
            return None
        if was is not None and self.expires == _typed_day(was.expires_at, zone):
            return was.expires_at
        return datetime.combine(date.fromisoformat(self.expires), _LAST_OF_DAY, zone)

    def _networks(self) -> list[str]:
        return list(dict.fromkeys(re.split(r"[\s,;]+", self.networks))) if self.networks else []

    def _rate_limit(self) -> RateLimit | None:
        if not self.requests:
            return None
        return {
            "requests": int(self.requests),
            "per_s": int(self.per_s),
            "burst": int(self.burst or self.requests),
        }


def is_for_whole_page(failed: ServiceFailed) -> bool:
    """Tell whether a failure concerns the whole page, as no change to the form would help."""
    return isinstance(failed, SignedOut | NotAllowed | NotFound | Changed)


def faults_of(failed: ServiceFailed) -> Faults:
    """Return why a form was refused, by its fields."""
    match failed:
        case TooMany():
            return {"": f"Asked too often. Send it again in {words.plural(failed.retry_after_s, 'second')}."}
        case ServiceRefused() if failed.kind in _REFUSED:
            return dict([_REFUSED[failed.kind]])
        case ServiceRefused():
            return dict(map(_fault, failed.wrongs)) or {"": failed.detail}
        case _:
            return {"": _NOT_KNOWN}


def status_of(failed: ServiceFailed) -> int:
    """Return the status of a page that shows a form again."""
    return failed.status if isinstance(failed, ServiceRefused) else 503


def _fault(wrong: Wrong) -> tuple[str, str]:
    parts = wrong.pointer.strip("/").split("/")
    name = parts[-1] if parts[0] == "rate_limit" else _FIELDS.get(parts[0], parts[0])
    return name, f"{wrong.detail[:1].upper()}{wrong.detail[1:].rstrip('.')}."


def _access(word: str) -> str:
    return word if word in words.ACCESSES else "none"


def _typed_day(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else at.astimezone(zone).date().isoformat()


def _name_fault(name: str) -> str:
    if is_blank(name):
        return "Give the key a name, such as what it is used for."
    if len(name) > NAME_CHARACTERS_MAX:
        return f"A name has at most {NAME_CHARACTERS_MAX} characters; this one has {len(name)}."
    if unseen := UNSEEN.search(name):
        return f"It holds a character that is not seen (U+{ord(unseen[0]):04X}). Type the name anew."
    if _SECRET.search(name):
        return "It holds the secret of a key. A name is read by many people; choose another."
    return ""


def _networks_fault(networks: Sequence[str]) -> str:
    if len(networks) > LISTED_MAX:
        return f"A key names at most {LISTED_MAX} networks; these are {len(networks)}."
    for each in networks:
        try:
            ip_network(each)
        except ValueError:
            return f"{each[:60]} is no network such as 203.0.113.0/24, 203.0.113.7 or 2001:db8::/32."
    return ""


def _number_fault(text: str, most: int) -> str:
    is_right = not text or (
        text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and 1 <= int(text) <= most
    )
    return "" if is_right else f"Write a whole number from 1 to {most:,}."
