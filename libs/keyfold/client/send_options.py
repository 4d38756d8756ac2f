"""How a command is sent: with which idempotency key, and how long to wait for its effect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keyfold.client.failure import WrongUsage
from keyfold.runtime.clock import SYSTEM_CLOCK

KEY_BYTES: Final = 16
KEY_FORM: Final = re.compile(r"[\x21-\x7e]{1,255}")
WAIT_MAX_S: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOptions:
    """How a command is sent. Without `wait_s`, only its answer is waited for, not that it is in force."""

    idempotency_key: str
    wait_s: int | None = None

    @classmethod
    def of(cls, *, idempotency_key: str | None = None, wait_s: int | None = None) -> SendOptions:
        """Return options, with a new idempotency key if none is given. Raises WrongUsage."""
        if idempotency_key is None:
            # All random: the registry also encrypts what it keeps of the answer with this key.
            return cls(idempotency_key=SYSTEM_CLOCK.random_bytes(KEY_BYTES).hex(), wait_s=wait_s)
        if not KEY_FORM.fullmatch(idempotency_key):
            raise WrongUsage("--idempotency-key: it must be 1 to 255 visible ASCII characters.")
        return cls(idempotency_key=idempotency_key, wait_s=wait_s)

    def headers(self) -> Mapping[str, str]:
        """Return the request's headers."""
        wait = {} if self.wait_s is None else {"Prefer": f"wait={self.wait_s}"}
        return {"Idempotency-Key": self.idempotency_key, **wait}
