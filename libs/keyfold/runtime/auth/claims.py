"""Claims: which of a token's claims name its bearer's role and ids, and what their values mean."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from keyfold.runtime.auth.caller import Claimed, Role, TokenRejected
from keyfold.runtime.legible import UNSEEN

ROLES: Final[Mapping[str, Role]] = {role.value: role for role in Role}
"""What the values of the role's claim mean unless a setting says otherwise: each role's own name."""

_NAME_CHARACTERS_MAX: Final = 256
_POINTER: Final = re.compile(r"(/([^~/]|~[01])*)+")


class _Unusable(Exception):
    """A claim does not hold what it must; the message says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimMapping:
    """Where a token has the role and the ids, and which role each value of the role's claim means.

    A place is a claim's name, dots and colons included; or, if it begins with ``/``, a JSON pointer
    (RFC 6901) into the claims. A claim may be a text or a list of texts.
    """

    role: str
    account: str
    vendor: str
    roles: Mapping[str, Role]

    def read(self, claims: Mapping[str, object]) -> Claimed | TokenRejected:
        """Return what the claims say, or why they cannot be relied upon."""
        try:
            role = self._read_role(claims)
            # An id counts only with its own role, or an operator's token could also pass as an owner's.
            return Claimed(
                role=role,
                account_id=_read_id(claims, self.account, "account_id")
                if role in (None, Role.OWNER)
                else None,
                vendor_id=_read_id(claims, self.vendor, "vendor_id") if role in (None, Role.VENDOR) else None,
            )
        except _Unusable as unusable:
            return TokenRejected(detail=str(unusable))

    def _read_role(self, claims: Mapping[str, object]) -> Role | None:
        value = _find(claims, self.role)
        texts = _texts_of(value)
        named = {self.roles[text] for text in texts or () if text in self.roles}
        if len(named) > 1:
            raise _Unusable(f"the token names more than one role: {', '.join(sorted(named))}")
        # A list may hold other systems' roles too; a single text that is no role was meant to be one.
        if not named and (texts is None or isinstance(value, str)):
            raise _Unusable(f"the token's role is not one of {', '.join(_unique(self.roles.values()))}")
        return next(iter(named), None)


PLAIN_CLAIMS: Final = ClaimMapping(role="role", account="account_id", vendor="vendor_id", roles=ROLES)
"""Which claims are read unless a setting says otherwise."""


def read_name(value: object) -> str | None:
    """Return a claim's text if it can be a name: not too long, without invisible characters; else None."""
    # The invisible ones include what PostgreSQL cannot hold: NUL and lone surrogates.
    if isinstance(value, str) and 0 < len(value) <= _NAME_CHARACTERS_MAX and not UNSEEN.search(value):
        return value
    return None


def check_place(place: str) -> str:
    """Return a claim's place unchanged. Raises ValueError if it begins with / but is not a JSON pointer."""
    if place.startswith("/") and not _POINTER.fullmatch(place):
        raise ValueError("it is no JSON pointer: ~ stands only in ~0 (for ~) and ~1 (for /)")
    return place


def read_roles(given: object) -> object:
    """Return which role a setting's JSON gives to each value. Raises ValueError that says what is wrong."""
    if not isinstance(given, str):
        return given  # from code, and checked by its type
    try:
        roles = json.loads(given, object_pairs_hook=_read_object)
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not isinstance(roles, dict) or not roles or "" in roles:
        raise ValueError("it is no JSON object with a name for each value")
    if any(not isinstance(role, str) or role not in ROLES for role in roles.values()):
        raise ValueError(f"it names a role that is not one of {', '.join(Role)}")
    return roles


def _read_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("it names a value twice")
    return dict(pairs)


def _find(claims: Mapping[str, object], place: str) -> object:
    """Return the value at a place of the claims, None if there is none."""
    if not place.startswith("/"):
        return claims.get(place)
    found: object = claims
    for step in place[1:].split("/"):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step.replace("~1", "/").replace("~0", "~"))
    return found


def _texts_of(value: object) -> Sequence[str] | None:
    """Return a claim's texts, an empty sequence if it is missing, None if it is of another type."""
    match value:
        case None:
            return ()
        case str():
            return (value,)
        case list() if all(isinstance(each, str) for each in value):
            return value
        case _:
            return None


def _read_id(claims: Mapping[str, object], place: str, what: str) -> str | None:
    texts = _texts_of(_find(claims, place))
    if texts is None or any(read_name(text) is None for text in texts):
        raise _Unusable(f"the token's {what} is not usable as a name")
    if len(set(texts)) > 1:
        raise _Unusable(f"the token names more than one {what}")
    return texts[0] if texts else None


def _unique(roles: Iterable[Role]) -> Iterable[str]:
    return dict.fromkeys(role.value for role in roles)
