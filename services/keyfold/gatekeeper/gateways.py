"""The gateways that may ask: each has its own token and one way to describe the original request."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from keyfold.runtime.failure import StopProcess
from keyfold.runtime.settings.base import read_file

TOKEN_HEADER = "X-Gateway-Token"  # noqa: S105 - the header's name, not a token
TOKEN_FIELD = TOKEN_HEADER.lower()


RateLimitedStatus = Literal[403, 429]


class GatewayKind(StrEnum):
    """Which pair of headers describes the original request, where the path does not."""

    FORWARDED = "forwarded"
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway; `token_digest` is the SHA-256 of its token, 32 bytes."""

    name: str
    kind: GatewayKind
    token_digest: bytes
    rate_limited_status: RateLimitedStatus = 429


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    kind: GatewayKind = GatewayKind.FORWARDED
    token_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    rate_limited_status: RateLimitedStatus | None = None

    def gateway(self) -> Gateway:
        # nginx turns any status but 401 and 403 into a 500.
        usual: RateLimitedStatus = 403 if self.kind is GatewayKind.ORIGINAL else 429
        return Gateway(
            name=self.name,
            kind=self.kind,
            token_digest=bytes.fromhex(self.token_sha256),
            rate_limited_status=self.rate_limited_status or usual,
        )


_FILE = TypeAdapter(list[_Entry])


class Gateways:
    """Finds the gateway that a token belongs to."""

    def __init__(self, gateways: tuple[Gateway, ...]) -> None:
        self.all = gateways

    @property
    def text(self) -> str:
        """A line for each gateway, sorted by name, without its token."""
        lines = (f"gateway {each.name} {each.kind} {each.rate_limited_status}\n" for each in self.all)
        return "".join(sorted(lines))

    def find(self, tokens: Sequence[str]) -> Gateway | None:
        """Return the gateway of the token; None for no token, several, or an unknown one."""
        if len(tokens) != 1:
            return None
        digest = sha256(tokens[0].encode("utf-8", "surrogateescape")).digest()
        found = None
        # Every gateway is compared, so that the time taken does not reveal which one came close.
        for gateway in self.all:
            if compare_digest(gateway.token_digest, digest):
                found = gateway
        return found


def load_gateways(path: Path) -> Gateways:
    """Read the gateways file. Raises StopProcess with every fault that it has."""
    try:
        return read_gateways(read_file(path))
    except ValueError as broken:
        raise StopProcess(f"the gateways file {path}: {broken}") from None


def read_gateways(content: bytes) -> Gateways:
    """Read a JSON list of `{"name", "kind", "token_sha256"}`; `kind` is `forwarded` if it is left out.

    Raises ValueError with every fault.
    """
    try:
        entries = _FILE.validate_json(content, strict=False)
    except ValidationError as invalid:
        details = invalid.errors(include_url=False, include_context=False, include_input=False)
        faults = [f"{'/'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in details]
        raise ValueError("; ".join(faults)) from None
    if faults := _contradictions(entries):
        raise ValueError("; ".join(faults))
    return Gateways(tuple(entry.gateway() for entry in entries))


def _contradictions(entries: list[_Entry]) -> list[str]:
    names = Counter(entry.name for entry in entries)
    tokens = Counter(entry.token_sha256 for entry in entries)
    faults = [f"{uses} gateways are named {name}" for name, uses in names.items() if uses > 1]
    empty = sha256(b"").hexdigest()
    faults += [f"the token of {entry.name} is empty" for entry in entries if entry.token_sha256 == empty]
    if any(uses > 1 for uses in tokens.values()):
        faults.append("two gateways have the same token, so that it names neither")
    return faults or ([] if entries else ["it lists no gateway, so nobody could ask"])
