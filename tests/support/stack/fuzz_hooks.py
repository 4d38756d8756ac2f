"""What schemathesis needs to know about our services: whose token to send, formats, and two more checks."""

from __future__ import annotations

import base64
import itertools
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import schemathesis
from hypothesis import strategies as st
from schemathesis import AuthContext, Case, CheckContext, Response

from keyfold.local.signing import Claims, LocalSigner
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import rfc3339
from keyfold.runtime.http.problem import TYPE_PREFIX
from keyfold.runtime.legible import UNSEEN
from keyfold.wire.events.codec import TYPE_NAMES

_STATE_DIR: Final = Path(os.environ["KEYFOLD_FUZZED"])
_SERVICE: Final = os.environ["KEYFOLD_FUZZED_SERVICE"]
_GATEWAY_HEADERS: Final[Mapping[str, str]] = json.loads(os.environ["KEYFOLD_FUZZED_HEADERS"])
_SIGNER: Final = LocalSigner(_STATE_DIR)
_TOKEN_TTL_S: Final = 3600
_NAME_CHARACTERS_MAX: Final = 256
_Case = Case[Any]  # whatever kind of description its operation has
_DOMAIN_RULES: Final = {
    "beyond-retention",
    "expires-in-the-past",
    "idempotency-key-reused",
    "link-too-long",
    "unknown-vendors",
    "until-before-since",
}
_numbers = itertools.count()
# A place in a list of what happened never lies in a time to come.
_TIMES: Final = st.datetimes(datetime(2026, 1, 1), datetime(2026, 11, 1), timezones=st.just(UTC)).map(rfc3339)


@schemathesis.auth(refresh_interval=None)
class _RightRole:
    """Calls each operation as somebody whom its `x-keyfold-rule` lets in, each of them in turn."""

    def get(self, case: _Case, context: AuthContext) -> Mapping[str, str]:
        rule = str(context.operation.definition.raw["x-keyfold-rule"])
        if rule == "anyone":
            return {}
        if rule.startswith("holders of"):
            return _GATEWAY_HEADERS
        claims = _claims(rule, case.path_parameters or {}, next(_numbers))
        token = _SIGNER.sign(claims, now=SYSTEM_CLOCK.now(), ttl_s=_TOKEN_TTL_S)
        return {"Authorization": f"Bearer {token}"}

    def set(self, case: _Case, data: Mapping[str, str], _context: AuthContext) -> None:
        case.headers.update(data)


def _claims(rule: str, path: Mapping[str, object], number: int) -> Claims:
    let_in = [each.strip() for part in rule.split(";") for each in part.split(",")]
    if "the vendor itself" in let_in and "owner" in let_in:
        let_in.remove("owner")  # who finds only what was approved, and what was just made was not
    sub = f"fuzzer-{number}"
    match let_in[number % len(let_in)]:
        case "the account's owner":
            return Claims(role="owner", sub=sub, account_id=_named(path["account_id"]))
        case "the vendor itself":
            return Claims(role="vendor", sub=sub, vendor_id=_named(path["vendor_id"]))
        case "owner":
            return Claims(role="owner", sub=sub, account_id="acc_000000000000")
        case "whoever applied":
            return Claims(role="vendor", sub=sub)
        case "a login without a role":
            return Claims(role=None, sub=sub)
        case "any token" | "any login":
            return Claims(role="operator", sub=sub)
        case role:
            return Claims(role=role, sub=sub)


def _named(drawn: object) -> str:
    # A token that names its tenant by what no token may hold names nobody; it is not what is tried here.
    name = str(drawn)
    return name if not UNSEEN.search(name) and 0 < len(name) <= _NAME_CHARACTERS_MAX else "nobody"


def _cursor(content: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _cursors() -> st.SearchStrategy[str]:
    if _SERVICE == "audit":
        content = st.builds(lambda at, id_: {"at": at, "event_id": str(id_)}, _TIMES, st.uuids())
    else:
        content = st.builds(lambda before: {"before": before}, st.integers(1, 2**63 - 1))
    return content.map(_cursor)


schemathesis.openapi.format("cursor", _cursors())


def _summary_cursors() -> st.SearchStrategy[str]:
    combination = st.lists(st.sampled_from(["", "key_1", "patient", "read", "deny"]), min_size=6, max_size=6)
    return st.fixed_dictionaries({"start": _TIMES, "combination": combination}).map(_cursor)


schemathesis.openapi.format("summary-cursor", _summary_cursors())


def _completeness_cursors() -> st.SearchStrategy[str]:
    gatekeeper = st.sampled_from(["", "gatekeeper-1"])
    return st.fixed_dictionaries({"hour": _TIMES, "gatekeeper": gatekeeper}).map(_cursor)


schemathesis.openapi.format("completeness-cursor", _completeness_cursors())
_PLACES: Final = st.fixed_dictionaries({"before": st.integers(0, 2**63 - 1)})
schemathesis.openapi.format("dead-letter-cursor", _PLACES.map(_cursor))
_TYPES: Final = st.lists(st.sampled_from(sorted(TYPE_NAMES.values())), min_size=1, max_size=5).map(",".join)
schemathesis.openapi.format("event-types", _TYPES)
schemathesis.openapi.format("cidr", st.sampled_from(["203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32"]))


# Each has its shortest, its longest and one that is too long: to find those among all takes minutes.
_WORDS: Final = (
    "é",
    "Ω7",
    "O'Brien & Söhne",
    "検査",
    "🦷 ok",
    "<b>",
    *("a" * length for length in (199, 200, 201)),
)
_PROSE: Final = (*_WORDS[:-3], "one\r\n\ttwo", "👩\u200d⚕️", *("z" * length for length in (3999, 4000, 4001)))
_EMAILS: Final = (
    "a@b",
    "a@bc",
    "jürgen+c@bücher.example",
    *(f"{'a' * length}@b" for length in (251, 252, 253)),
)
_WEBSITES: Final = (
    "http://a",
    "https://a",
    "https://a.example/b?c",
    *("https://" + "a" * n for n in (491, 492, 493)),
)
for _name, _texts in (
    ("line", _WORDS),
    ("prose", _PROSE),
    ("contact-email", _EMAILS),
    ("website", _WEBSITES),
):
    schemathesis.openapi.format(_name, st.sampled_from(_texts))


@schemathesis.check
def well_formed_is_never_malformed(_context: CheckContext, response: Response, case: _Case) -> None:
    """Only a rule of the domain, which it names, refuses what the description allows."""
    is_positive = case.meta is not None and case.meta.generation.mode.is_positive
    if is_positive and response.status_code in {400, 422}:
        assert response.json()["type"].removeprefix(TYPE_PREFIX) in _DOMAIN_RULES


_revoked: set[str] = set()


@schemathesis.check
def revoked_for_ever(_context: CheckContext, response: Response, case: _Case) -> None:
    """A deleted key is shown, but for ever as revoked."""
    if response.status_code != 200 or "/keys/{key_id}" not in case.path:
        return
    if case.method == "DELETE":
        _revoked.add(case.formatted_path)
    elif case.method == "GET" and case.formatted_path in _revoked and case.path.endswith("{key_id}"):
        assert response.json()["state"] == "revoked"
