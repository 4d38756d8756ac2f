"""A gateway's question, read once: who asks, about which request, with which keys, from where."""

from dataclasses import dataclass

from libs.domain.decision import Request
from services.gatekeeper.client_address import client_address, kept_of
from services.gatekeeper.gateways import Gateway
from services.gatekeeper.headers import Headers
from services.gatekeeper.original_request import OriginalRequest, original_request
from services.gatekeeper.policy import Policy
from services.gatekeeper.presented_keys import presented_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is decided on, and what is kept of it for the record; `client_ip` is the part that is kept."""

    gateway: Gateway
    original: OriginalRequest
    request: Request
    in_authorization: bool
    client_ip: str | None
    headers: Headers


def read_question(policy: Policy, gateway: Gateway, method: str, raw_path: str, headers: Headers) -> Question:
    """Read a question; `raw_path` is the request's target exactly as it was sent."""
    original = original_request(gateway.kind, method, raw_path, headers)
    keys = presented_keys(policy.key_headers, headers)
    address = client_address(gateway.kind, headers)
    return Question(
        gateway=gateway,
        original=original,
        request=Request(
            vendor_key=keys.vendor,
            subscriber_key=keys.subscriber,
            method=original.method,
            target=original.target if original.is_clear else None,
            client_ip=address,
        ),
        in_authorization=keys.in_authorization,
        client_ip=kept_of(address, policy.client_ip),
        headers=headers,
    )
