"""A gateway's question, read once: who asks, about which request, with which keys, from where."""

from typing import Final, NamedTuple

from libs.domain.decision import Request
from services.gatekeeper.client_address import FORWARDED_FOR, REAL_IP, client_address, kept_of
from services.gatekeeper.gateways import TOKEN_HEADER, Gateway
from services.gatekeeper.headers import FieldNames, Fields
from services.gatekeeper.original_request import FIELD_NAMES, OriginalRequest, original_request
from services.gatekeeper.policy import Policy
from services.gatekeeper.presented_keys import AUTHORIZATION, KeyHeaders, presented_keys

TRACEPARENT: Final = "traceparent"


class Question(NamedTuple):
    """What is decided on, and what is kept of it for the record; `client_ip` is the part that is kept."""

    gateway: Gateway
    original: OriginalRequest
    request: Request
    in_authorization: bool
    client_ip: str | None
    fields: Fields


class Questions:
    """Reads questions as a policy says."""

    def __init__(self, policy: Policy) -> None:
        names = policy.key_headers
        own = (TOKEN_HEADER, *names, AUTHORIZATION, FORWARDED_FOR, REAL_IP, TRACEPARENT)
        self.field_names = FieldNames((*own, *FIELD_NAMES))
        self._key_fields = KeyHeaders(vendor=names.vendor.lower(), subscriber=names.subscriber.lower())
        self._kept = policy.client_ip

    def read(self, gateway: Gateway, method: str, raw_target: str, fields: Fields) -> Question:
        """Read a question; `raw_target` is the request's target exactly as it was sent."""
        kind = gateway.kind
        original = original_request(kind, method, raw_target, fields)
        vendor_key, subscriber_key, in_authorization = presented_keys(self._key_fields, fields)
        address = client_address(kind, fields)
        asked_for = original.target if original.is_clear else None
        return Question(
            gateway,
            original,
            Request(vendor_key, subscriber_key, original.method, asked_for, address),
            in_authorization,
            address if self._kept == "full" else kept_of(address, self._kept),
            fields,
        )
