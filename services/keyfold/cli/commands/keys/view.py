"""What a person sees of a subscriber key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from keyfold.cli.screen import Details, Value, minute, plain, state_of, when
from keyfold.client.http import JsonObject

HAND_OVER: Final = "The secret is not kept anywhere: hand it over now."

_FIELDS_WITH_WORDS: Final = frozenset(
    {
        *("key_id", "account_id", "name", "state", "version", "warnings", "enforced"),
        *("permissions", "vendor_ids", "networks", "rate_limit", "expires_at"),
        *(
            "secret_hint",
            "old_secret_works_until",
            "created_at",
            "revoked_at",
            "last_used_at",
            "last_refused_at",
        ),
    }
)
"""What `_lines` has words for, or leaves to JSON. Any other field of a key is shown by its name."""


def path_of(account_id: str, key_id: str) -> str:
    """Return a key's address."""
    return f"/v1/accounts/{account_id}/keys/{key_id}"


def details_of(key: JsonObject) -> Details:
    """Return a key as it is shown; what the answer warns of is said too."""
    return Details(lines=_lines(key), item=key, warnings=_warnings(key))


def details_with_secret(answer: JsonObject) -> Details:
    """Return a key with its secret, which is shown this once."""
    return Details(
        lines={**_lines(answer["key"]), "secret": answer["secret"]},
        item=answer,
        note=HAND_OVER,
        warnings=_warnings(answer),
    )


def format_grants(key: JsonObject) -> str:
    """Say what a key allows."""
    permissions: Mapping[str, str] = key["permissions"]
    named = [f"{category} {access}" for category, access in permissions.items() if access != "none"]
    return ", ".join(named) or "none"


def old_secret_line(key: JsonObject) -> Mapping[str, str]:
    """Return the line that says until when the secret before works; none where it does not."""
    until = key["old_secret_works_until"]
    return {} if until is None else {"old secret": f"works until {when(until)}"}


def last_refused_line(key: JsonObject) -> Mapping[str, str]:
    """Return the line that says when a secret of the key was last refused; none where none was."""
    at = key["last_refused_at"]
    return {} if at is None else {"last refused": minute(at)}


def _lines(key: JsonObject) -> dict[str, Value]:
    # What a revoked key allowed is over; that it names no vendor does not mean that any may use it.
    dead = key["revoked_at"] is not None
    return {
        "key": key["key_id"],
        "name": key["name"],
        "state": state_of(key["state"]),
        **({} if dead else _terms(key)),
        "hint": key["secret_hint"],
        **old_secret_line(key),
        "created": when(key["created_at"]),
        **({"revoked": when(key["revoked_at"])} if dead else {}),
        "last used": minute(key["last_used_at"]),
        **last_refused_line(key),
    }


def _terms(key: JsonObject) -> Mapping[str, str]:
    others = {name: value for name, value in key.items() if name not in _FIELDS_WITH_WORDS}
    return {
        "permissions": format_grants(key),
        "vendors": _any_or(key["vendor_ids"], "any approved"),
        "networks": _any_or(key["networks"], "any"),
        "rate limit": _rate_limit(key["rate_limit"]),
        "expires": when(key["expires_at"]),
        **{name.replace("_", " "): plain(value) for name, value in others.items()},
    }


def _any_or(named: list[str] | None, otherwise: str) -> str:
    return otherwise if named is None else ", ".join(named) or "none"


def _rate_limit(limit: JsonObject | None) -> str:
    if limit is None:
        return "the platform's default"
    return f"{limit['requests']} requests in {limit['per_s']} s, {limit['burst']} at once"


def _warnings(answer: JsonObject) -> list[str]:
    return [str(warning["detail"]) for warning in answer.get("warnings", [])]
