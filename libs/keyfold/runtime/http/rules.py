"""Access rules: who may call a route, as a value that every route must declare."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, assert_never

from keyfold.runtime.auth.caller import Caller, Role


@dataclass(frozen=True, slots=True)
class Public:
    """Anyone, without a token."""


@dataclass(frozen=True, slots=True)
class OwnCredential:
    """Whoever the handler itself recognises by this header; the handler also checks the path's encoding."""

    header: str


@dataclass(frozen=True, slots=True)
class CredentialOr:
    """If this header is sent, whoever the handler itself recognises by it; else whoever passes the rule."""

    header: str
    rule: "TokenRule"


@dataclass(frozen=True, slots=True)
class AnyLogin:
    """Anyone with a valid token, even if it names no role and its login is bound to nothing."""


@dataclass(frozen=True, slots=True)
class Unbound:
    """A login without a role: its token names none, and it is bound to nothing."""


@dataclass(frozen=True, slots=True)
class AnyRole:
    """Anyone who has a role."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Callers with one of these roles, of whichever tenant."""

    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """The owner of the path's ``{account_id}``; it is hidden from other owners."""


@dataclass(frozen=True, slots=True)
class VendorItself:
    """The vendor of the path's ``{vendor_id}``, which is hidden from other vendors; and roles in ``also``."""

    also: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Applicant:
    """A vendor whose token names no vendor yet; the handler hides what that caller did not apply for."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Whoever passes one of these rules."""

    rules: tuple["TokenRule", ...]


TokenRule: TypeAlias = AnyLogin | Unbound | AnyRole | Roles | OwnAccount | VendorItself | Applicant | AnyOf
Rule: TypeAlias = Public | OwnCredential | CredentialOr | TokenRule


class RuleVerdict(Enum):
    """A rule's verdict on a caller: let in, refused, or not even told that the thing exists."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    HIDDEN = "hidden"


def judge(rule: TokenRule, caller: Caller, path: Mapping[str, str]) -> RuleVerdict:
    """Return the rule's verdict on a caller who names these path parameters."""
    match rule:
        case AnyLogin():
            return RuleVerdict.ALLOWED
        case Unbound():
            return RuleVerdict.ALLOWED if caller.role is None else RuleVerdict.FORBIDDEN
        case AnyRole():
            return RuleVerdict.FORBIDDEN if caller.role is None else RuleVerdict.ALLOWED
        case Roles(roles):
            return _by_role(caller, roles)
        case OwnAccount():
            return _by_tenant(caller, Role.OWNER, caller.account_id, path["account_id"])
        case VendorItself(also):
            if caller.role in also:
                return RuleVerdict.ALLOWED
            return _by_tenant(caller, Role.VENDOR, caller.vendor_id, path["vendor_id"])
        case Applicant():
            return _by_tenant(caller, Role.VENDOR, caller.vendor_id, None)
        case AnyOf(rules):
            return _best([judge(each, caller, path) for each in rules])
        case _:
            assert_never(rule)


def _by_role(caller: Caller, roles: frozenset[Role]) -> RuleVerdict:
    return RuleVerdict.ALLOWED if caller.role in roles else RuleVerdict.FORBIDDEN


def _by_tenant(caller: Caller, role: Role, own_id: str | None, asked_id: str | None) -> RuleVerdict:
    if caller.role is not role:
        return RuleVerdict.FORBIDDEN
    return RuleVerdict.ALLOWED if own_id == asked_id else RuleVerdict.HIDDEN


def _best(verdicts: list[RuleVerdict]) -> RuleVerdict:
    for verdict in (RuleVerdict.ALLOWED, RuleVerdict.HIDDEN):
        if verdict in verdicts:
            return verdict
    return RuleVerdict.FORBIDDEN


def path_parameters(rule: Rule) -> Iterator[str]:
    """Yield the path parameters that the rule compares with the caller."""
    match rule:
        case CredentialOr(_, otherwise):
            yield from path_parameters(otherwise)
        case OwnAccount():
            yield "account_id"
        case VendorItself():
            yield "vendor_id"
        case AnyOf(rules):
            for each in rules:
                yield from path_parameters(each)


def describe(rule: Rule) -> str:
    """Return in a few words who may call."""
    match rule:
        case Public():
            return "anyone"
        case OwnCredential(header):
            return f"holders of {header}"
        case CredentialOr(header, otherwise):
            return f"holders of {header}; {describe(otherwise)}"
        case AnyLogin():
            return "any login"
        case Unbound():
            return "a login without a role"
        case AnyRole():
            return "any token"
        case Roles(roles):
            return ", ".join(sorted(roles))
        case OwnAccount():
            return "the account's owner"
        case VendorItself(also):
            return ", ".join(["the vendor itself", *sorted(also)])
        case Applicant():
            return "whoever applied"
        case AnyOf(rules):
            return "; ".join(describe(each) for each in rules)
        case _:
            assert_never(rule)
