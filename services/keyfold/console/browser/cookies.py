"""Cookies: sealed values up to a maximum length, for the console's own host alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

PART_CHARACTERS_MAX: Final = 3800
"""A browser keeps at most 4,096 bytes a cookie, its name and attributes included."""
PARTS_MAX: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A cookie by its name; in a frame of another site's page it is a separate one."""

    name: str
    framed: bool = False

    def read(self, cookies: Mapping[str, str]) -> str | None:
        """Return its value from a request, None if it has none."""
        parts = [cookies[name] for name in self._names() if name in cookies]
        return "".join(parts) or None

    def write(self, response: web.StreamResponse, value: str) -> None:
        """Set it in a response; the browser drops it when it closes. Raises ValueError if it is too long."""
        parts = [value[at : at + PART_CHARACTERS_MAX] for at in range(0, len(value), PART_CHARACTERS_MAX)]
        if len(parts) > PARTS_MAX:
            raise ValueError(f"the cookie {self.name} is too long")
        for name, part in zip(self._names(), [*parts, *[""] * PARTS_MAX], strict=False):
            self._set(response, name, part)

    def clear(self, response: web.StreamResponse) -> None:
        """Delete it from the browser."""
        for name in self._names():
            self._set(response, name, "")

    def _names(self) -> Iterator[str]:
        # Browsers accept a cookie with this prefix only from this very host, over https or on this machine.
        for number in range(PARTS_MAX):
            yield f"__Host-{self.name}" if number == 0 else f"__Host-{self.name}-{number}"

    def _set(self, response: web.StreamResponse, name: str, value: str) -> None:
        where = "SameSite=None; Partitioned" if self.framed else "SameSite=Lax"
        ended = "" if value else "; Max-Age=0"
        response.headers.add("Set-Cookie", f"{name}={value}; Path=/; HttpOnly; Secure; {where}{ended}")
