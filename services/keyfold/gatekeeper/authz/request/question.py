"""A gateway's question, read once: which gateway asks, about which request, with which keys, from where."""

from typing import Final

from msgspec import Struct

from keyfold.domain.access.decision import AccessRequest
from keyfold.gatekeeper.authz.policy import AuthzPolicy
from keyfold.gatekeeper.authz.request.callers import AuthzCaller
from keyfold.gatekeeper.authz.request.client_address import (
    FORWARDED_FOR,
    REAL_IP,
    client_address,
    reduce_address,
)
from keyfold.gatekeeper.authz.request.headers import FieldNames, Fields
from keyfold.gatekeeper.authz.request.original_request import (
    FIELD_NAMES,
    OriginalRequest,
    read_original_request,
)
from keyfold.gatekeeper.authz.request.presented_keys import AUTHORIZATION
from keyfold.gatekeeper.gateways import TOKEN_HEADER, Gateway

TRACEPARENT: Final = "traceparent"


class AuthzQuestion(Struct, frozen=True, gc=False):
    """What is decided on, and what is kept for the record; `client_ip` is as much of it as is kept."""

    gateway: Gateway
    original: OriginalRequest
    request: AccessRequest
    in_authorization: bool
    client_ip: str | None
    fields: Fields

    def __repr__(self) -> str:
        return f"AuthzQuestion({self.gateway.name})"  # the fields hold keys and the gateway's token


class Questions:
    """Reads questions under a policy."""

    def __init__(self, policy: AuthzPolicy) -> None:
        names = policy.key_headers
        own = (TOKEN_HEADER, *names, AUTHORIZATION, FORWARDED_FOR, REAL_IP, TRACEPARENT)
        self.field_names = FieldNames((*own, *FIELD_NAMES))
        self._kept = policy.client_ip

    def read(self, caller: AuthzCaller, method: str, raw_target: str, fields: Fields) -> AuthzQuestion:
        """Read a question; `raw_target` is the request's target exactly as it was sent."""
        kind, keys = caller.gateway.kind, caller.keys
        original = read_original_request(kind, method, raw_target, fields)
        address = client_address(kind, fields)
        target = original.target if original.is_clear else None
        return AuthzQuestion(
            caller.gateway,
            original,
            AccessRequest(keys.vendor, keys.subscriber, original.method, target, address),
            keys.in_authorization,
            address if self._kept == "full" else reduce_address(address, self._kept),
            fields,
        )
