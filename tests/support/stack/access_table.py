"""Who may call what: every operation of every service, for every kind of caller."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keyfold.local.service_specs import SERVICES

CONSOLE: Final = "console"
"""It has pages in the place of a described surface: here are its probes."""


class Caller(StrEnum):
    """The kinds of callers, each with a credential that is good for what it is.

    `own` and `other` are a tenant of the thing that is called and one of the same role elsewhere; `new` is a
    vendor that has not applied, and `applicant` the one that applied, by a token that names no vendor.
    `gate` is a gateway that shows its own token and no bearer token. `login` has a token that names no role.
    `astray` is whoever owns the thing, on its own path, with the id of another tenant's key or login.
    """

    OWNER = "own owner"
    OTHER_OWNER = "other owner"
    VENDOR = "own vendor"
    OTHER_VENDOR = "other vendor"
    NEW_VENDOR = "new vendor"
    APPLICANT = "applicant"
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    GATEWAY = "gateway"
    GATE = "gate"
    LOGIN = "login"
    NOBODY = "nobody"
    ASTRAY = "astray"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is expected of one operation.

    An outcome is `ok` (2xx), a status, or `empty`, which is `ok` with no items. A 409 is the domain's word on
    who calls: `vendor-exists` and the like. For a vendor that is not approved but in another `state` there is
    a row more.
    """

    service: str
    method: str
    path: str
    state: str | None
    expected: dict[Caller, str]

    @property
    def operation(self) -> tuple[str, str, str]:
        """The operation as the service's OpenAPI document names it."""
        return self.service, self.method, self.path

    @property
    def name(self) -> str:
        """The name in a test's report."""
        return " ".join((*self.operation, *([self.state] if self.state else ())))


# Columns: the own owner and one elsewhere; the own vendor, one elsewhere, one that has not applied and the
# one that applied (`-`: for nothing here); reviewer, operator, gateway; a gateway's own token; a login that
# is bound to nothing; no token; astray (`-`: the path has no key and no login to mistake).
# A tenant elsewhere gets 404, never 403: what exists is not told there.
_TABLE: Final = """
own  else  own  else new  app  rev  ope  gat  gat  log  nob  astray operation
ok   ok    ok   ok   ok   -    ok   ok   ok   401  ok   401  -      registry GET /v1/caller
ok   404   404  404  404  -    403  ok   403  401  403  401  -      registry POST /v1/invitations
404  404   ok   404  404  ok   403  ok   403  401  403  401  -      registry POST /v1/invitations applied
ok   ok    ok   ok   ok   -    403  ok   403  401  403  401  -      registry GET /v1/invitations
ok   404   404  404  404  -    403  ok   403  401  403  401  -      registry DELETE /v1/invitations/{invitation_id}
ok   ok    ok   ok   ok   -    ok   ok   ok   401  ok   401  -      registry POST /v1/invitations/look
409  409   409  409  409  -    409  409  409  401  ok   401  -      registry POST /v1/invitations/accept
ok   ok    ok   ok   ok   -    ok   ok   ok   401  ok   401  -      registry POST /v1/links/spend
ok   404   403  403  403  -    403  ok   403  401  403  401  -      registry GET /v1/accounts/{account_id}/logins
ok   404   403  403  403  -    403  ok   403  401  403  401  404    registry DELETE /v1/accounts/{account_id}/logins/{login_id}
403  403   ok   404  404  ok   ok   ok   403  401  403  401  -      registry GET /v1/vendors/{vendor_id}/logins
403  403   ok   404  404  409  403  ok   403  401  403  401  404    registry DELETE /v1/vendors/{vendor_id}/logins/{login_id}
403  403   403  403  403  -    403  ok   403  401  403  401  -      registry POST /v1/accounts
ok   404   403  403  403  -    403  403  403  401  403  401  -      registry GET /v1/accounts/{account_id}
ok   404   403  403  403  -    403  403  403  401  403  401  -      registry PUT /v1/accounts/{account_id}/integrations
ok   404   403  403  403  -    403  403  403  401  403  401  -      registry POST /v1/accounts/{account_id}/keys
ok   404   403  403  403  -    403  403  403  401  403  401  -      registry GET /v1/accounts/{account_id}/keys
ok   404   403  403  403  -    403  403  403  401  403  401  404    registry GET /v1/accounts/{account_id}/keys/{key_id}
ok   404   403  403  403  -    403  403  403  401  403  401  404    registry PATCH /v1/accounts/{account_id}/keys/{key_id}
ok   404   403  403  403  -    403  403  403  401  403  401  404    registry DELETE /v1/accounts/{account_id}/keys/{key_id}
ok   404   403  403  403  -    403  403  403  401  403  401  404    registry POST /v1/accounts/{account_id}/keys/{key_id}/rotate
ok   404   403  403  403  -    403  403  403  401  403  401  404    registry GET /v1/accounts/{account_id}/keys/{key_id}/history
ok   404   403  403  403  -    403  403  403  401  403  401  404    registry GET /v1/accounts/{account_id}/keys/{key_id}/unused-permissions
ok   404   403  403  403  -    403  403  403  401  403  401  -      registry POST /v1/accounts/{account_id}/keys/revoke
ok   404   403  403  403  -    403  403  403  401  403  401  -      registry GET /v1/accounts/{account_id}/history
ok   ok    ok   ok   ok   -    ok   403  403  401  403  401  -      registry GET /v1/vendors
403  403   409  409  ok   -    403  403  403  401  ok   401  -      registry POST /v1/vendors
ok   ok    ok   404  404  ok   ok   403  403  401  403  401  -      registry GET /v1/vendors/{vendor_id}
404  404   ok   404  404  ok   ok   403  403  401  403  401  -      registry GET /v1/vendors/{vendor_id} applied
403  403   ok   404  404  ok   403  403  403  401  403  401  -      registry PATCH /v1/vendors/{vendor_id} applied
403  403   ok   404  404  ok   403  403  403  401  403  401  -      registry POST /v1/vendors/{vendor_id}/reapply rejected
403  403   403  403  403  403  ok   403  403  401  403  401  -      registry POST /v1/vendors/{vendor_id}/reviews applied
403  403   403  403  403  403  ok   403  403  401  403  401  -      registry POST /v1/vendors/{vendor_id}/approve reviewed
403  403   403  403  403  403  ok   403  403  401  403  401  -      registry POST /v1/vendors/{vendor_id}/reject applied
403  403   403  403  403  403  ok   403  403  401  403  401  -      registry POST /v1/vendors/{vendor_id}/suspend
403  403   403  403  403  403  ok   403  403  401  403  401  -      registry POST /v1/vendors/{vendor_id}/reinstate suspended
403  403   403  403  403  403  ok   403  403  401  403  401  -      registry POST /v1/vendors/{vendor_id}/keys
403  403   ok   404  404  ok   ok   403  403  401  403  401  -      registry GET /v1/vendors/{vendor_id}/keys
403  403   ok   404  404  ok   ok   403  403  401  403  401  404    registry DELETE /v1/vendors/{vendor_id}/keys/{key_id}
403  403   ok   404  404  ok   ok   403  403  401  403  401  404    registry POST /v1/vendors/{vendor_id}/keys/{key_id}/rotate
403  403   ok   404  404  ok   ok   403  403  401  403  401  -      registry GET /v1/vendors/{vendor_id}/history
403  403   403  403  403  -    403  ok   403  401  403  401  -      registry GET /v1/ledger
403  403   403  403  403  -    403  ok   403  401  403  401  -      registry GET /v1/enforcement
403  403   403  403  403  -    403  ok   403  401  403  401  -      registry POST /v1/ledger/checkpoints
403  403   403  403  403  -    403  ok   403  401  403  401  -      registry GET /v1/ledger/checkpoints
403  403   403  403  403  -    403  ok   403  401  403  401  -      registry GET /v1/ledger/seal-key
403  403   403  403  403  -    403  409  403  401  403  401  -      registry POST /v1/ledger/seal-key/rotate
ok   404   403  403  403  -    403  403  403  401  403  401  -      audit GET /v1/accounts/{account_id}/activity
ok   404   403  403  403  -    403  403  403  401  403  401  -      audit GET /v1/accounts/{account_id}/activity/export
ok   404   403  403  403  -    403  403  403  401  403  401  -      audit GET /v1/accounts/{account_id}/activity/stream
ok   404   403  403  403  -    403  403  403  401  403  401  -      audit GET /v1/accounts/{account_id}/activity/summary
ok   404   403  403  403  -    403  403  403  401  403  401  empty  audit GET /v1/accounts/{account_id}/keys/{key_id}/activity
ok   404   403  403  403  -    403  403  403  401  403  401  empty  audit GET /v1/accounts/{account_id}/keys/{key_id}/activity/export
ok   404   403  403  403  -    403  403  403  401  403  401  empty  audit GET /v1/accounts/{account_id}/keys/{key_id}/activity/stream
ok   404   403  403  403  -    403  403  403  401  403  401  empty  audit GET /v1/accounts/{account_id}/keys/{key_id}/activity/summary
403  403   ok   404  404  ok   403  403  403  401  403  401  -      audit GET /v1/vendors/{vendor_id}/activity
403  403   ok   404  404  ok   403  403  403  401  403  401  -      audit GET /v1/vendors/{vendor_id}/activity/export
403  403   ok   404  404  ok   403  403  403  401  403  401  -      audit GET /v1/vendors/{vendor_id}/activity/stream
403  403   ok   404  404  ok   403  403  403  401  403  401  -      audit GET /v1/vendors/{vendor_id}/activity/summary
403  403   403  403  403  -    403  ok   403  401  403  401  -      audit GET /v1/unattributed/activity
403  403   403  403  403  -    403  ok   403  401  403  401  -      audit GET /v1/unattributed/activity/export
403  403   403  403  403  -    403  ok   403  401  403  401  -      audit GET /v1/unattributed/activity/stream
403  403   403  403  403  -    403  ok   403  401  403  401  -      audit GET /v1/unattributed/activity/summary
403  403   403  403  403  -    403  ok   403  401  403  401  -      audit GET /v1/audit/completeness
ok   ok    ok   ok   ok   -    ok   ok   403  401  403  401  -      audit GET /v1/audit/whole
ok   404   ok   404  404  -    403  ok   403  401  403  401  -      audit GET /v1/decisions/{decision_id}
403  403   403  403  403  -    403  ok   403  401  403  401  -      audit GET /v1/dead-letters
ok   ok    ok   ok   ok   -    ok   ok   ok   401  403  401  -      gatekeeper GET /v1/position
403  403   403  403  403  -    403  ok   ok   401  403  401  -      gatekeeper GET /v1/keys/{key_id}
ok   404   403  403  403  -    403  ok   ok   401  403  401  -      gatekeeper POST /v1/decide
ok   ok    403  403  403  -    403  ok   ok   401  403  401  -      gatekeeper POST /v1/decide/batch
403  403   403  403  403  -    403  403  ok   ok   403  401  -      gatekeeper POST /v1/introspect
403  403   403  403  403  -    403  ok   403  401  403  401  -      gatekeeper GET /v1/shadow
401  401   401  401  401  -    401  401  401  ok   401  401  -      gatekeeper * /authz
401  401   401  401  401  -    401  401  401  ok   401  401  -      gatekeeper * /authz/{rest}
ok   ok    ok   ok   ok   -    ok   ok   ok   ok   ok   ok   -      * GET /livez
ok   ok    ok   ok   ok   -    ok   ok   ok   ok   ok   ok   -      * GET /readyz
ok   ok    ok   ok   ok   -    ok   ok   ok   ok   ok   ok   -      * GET /metrics
ok   ok    ok   ok   ok   -    ok   ok   ok   ok   ok   ok   -      described GET /openapi.json
"""  # noqa: E501 - a row is one line
_DESCRIBED: Final = tuple(spec.name for spec in SERVICES)
_ALL_OF: Final = {"described": _DESCRIBED, "*": (*_DESCRIBED, CONSOLE)}
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_NO_CALL: Final = "-"


def _rows() -> Iterator[Row]:
    for line in _TABLE.strip().splitlines()[1:]:
        words = line.split()
        cells = dict(zip(Caller, words[: len(Caller)], strict=True))
        service, method, path, *states = words[len(Caller) :]
        expected = {caller: outcome for caller, outcome in cells.items() if outcome != _NO_CALL}
        for each_service in _ALL_OF.get(service, (service,)):
            for each_method in _METHODS if method == "*" else (method,):
                yield Row(
                    service=each_service,
                    method=each_method,
                    path=path,
                    state=states[0] if states else None,
                    expected=expected,
                )


ROWS: Final = tuple(_rows())
