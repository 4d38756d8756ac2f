"""Secrets of 32 bytes in files: in no environment, no process list and no log."""

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from keyfold.runtime.failure import StopProcess
from keyfold.runtime.settings.base import Environment, file_validator, read_file

_DIGITS: Final = re.compile(rb"[0-9A-Fa-f]{64}")


def read_secret(content: bytes) -> bytes:
    """Return the 32 bytes that a file holds as 64 hexadecimal digits. Raises ValueError."""
    digits = content.strip()
    if not _DIGITS.fullmatch(digits):
        raise ValueError("it does not hold 64 hexadecimal digits and no more")
    return bytes.fromhex(digits.decode())


class LogSecretSettings(Environment):
    """The secret that the access log's rows are added up with: the same for all audit services of a log."""

    audit_secret: Annotated[Path, file_validator(read_secret)] = Field(
        description="the path of a file with 64 hexadecimal digits, as `openssl rand -hex 32` makes, the same"
        " for every audit service"
    )

    @property
    def audit_secret_bytes(self) -> bytes:
        """The secret itself. Raises StopProcess if the file no longer holds one."""
        try:
            return read_secret(read_file(self.audit_secret))
        except ValueError as fault:
            raise StopProcess(f"KEYFOLD_AUDIT_SECRET cannot be used: {fault}") from None


class StateSettings(Environment):
    """The secret that the read model's rows are sealed with: the same for all who write or load them."""

    state_secret: Annotated[Path, file_validator(read_secret)] = Field(
        description="the path of a file with 64 hexadecimal digits, as `openssl rand -hex 32` makes, the same"
        " for the projection, its replays and every gatekeeper"
    )

    @property
    def state_secret_bytes(self) -> bytes:
        """The secret itself. Raises StopProcess if the file no longer holds one."""
        try:
            return read_secret(read_file(self.state_secret))
        except ValueError as fault:
            raise StopProcess(f"KEYFOLD_STATE_SECRET cannot be used: {fault}") from None
