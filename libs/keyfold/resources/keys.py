"""A key as everybody sees it who may: the owner, the operator of a gatekeeper, whoever reads the past."""

from datetime import datetime
from typing import Any, Final

from msgspec.structs import asdict
from pydantic import Field

from keyfold.domain.lifecycle.keys import Key, KeyState, public_fields, state_at
from keyfold.domain.network import Network
from keyfold.domain.permissions import CATEGORIES, AccessWord, Category, Permissions
from keyfold.domain.rate_limit import RateLimit
from keyfold.runtime.http import Instant, JsonBody

_OVERLAP_END: Final = "old_secret_works_until"


class RateLimitResource(JsonBody):
    """How often a key may be used: `requests` in every `per_s` seconds, up to `burst` of them at once."""

    requests: int
    per_s: int
    burst: int


class KeyFields(JsonBody):
    """What every answer that shows a subscriber key says of it; see `key_fields`."""

    key_id: str
    state: KeyState
    permissions: dict[Category, AccessWord] | None
    vendor_ids: list[str] | None = Field(description="null: any approved vendor")
    networks: list[str] | None = Field(description="null: from anywhere")
    rate_limit: RateLimitResource | None = Field(description="null: as often as the platform's default says")
    expires_at: Instant | None
    secret_hint: str
    old_secret_works_until: Instant | None
    created_at: Instant
    revoked_at: Instant | None


def key_fields(key: Key, now: datetime) -> dict[str, Any]:
    """Return what others may see of a key at an instant, by the names of `KeyFields`; times are datetimes.

    What a key of its kind or state does not have is left out. A digest is never there.
    """
    fields = {name: _as_json(value) for name, value in public_fields(key).items()}
    ends_at = fields.get(_OVERLAP_END)
    if ends_at is not None and ends_at <= now:
        fields[_OVERLAP_END] = None  # its end needs no event, so that one which is over may still be held
    return {"key_id": key.key_id, "state": state_at(key, now), **fields}


def _as_json(value: object) -> Any:
    match value:
        case Permissions():
            return {category: value[category].word for category in CATEGORIES}
        case RateLimit():
            return asdict(value)
        case tuple():
            return [str(each) if isinstance(each, Network) else each for each in value]
        case _:
            return value
