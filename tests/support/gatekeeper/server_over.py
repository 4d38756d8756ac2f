"""An authz server over transports in memory, whose journal is in memory too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from keyfold.gatekeeper.authz.server import AuthzServer
from keyfold.gatekeeper.journal.segment import Segment
from tests.support.gatekeeper.heart import Heart, heart_in

TICK: Final = 100


class Kept(Segment):
    """A file of the journal that is kept in memory."""

    def __init__(self) -> None:
        super().__init__(-1)
        self.lines: list[bytes] = []

    @classmethod
    def create(cls, directory: Path, first_seq: int) -> Self:
        """Return an empty one."""
        return cls()

    def append(self, lines: bytes) -> int:
        """Keep lines."""
        self.lines += lines.splitlines(keepends=True)
        return len(lines)

    def close(self) -> None:
        """Have nothing to let go of."""


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and checks that the connection uses it correctly."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.is_ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_ended, "an answer after the end"
        self.written += data

    def write_eof(self) -> None:
        self.is_ended = True

    def close(self) -> None:
        self.is_ended = True

    def abort(self) -> None:
        self.is_ended = True

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        """Go on: whoever wrote is not asked again."""


@contextmanager
def server_over(root: Path) -> Iterator[tuple[Heart, AuthzServer, Kept]]:
    """Yield an authz server over a practice, and its journal."""
    segment = Kept()
    with heart_in(root, new_segment=lambda _, __: segment) as heart:
        yield heart, AuthzServer(heart.authz, heart.clock, connections_max=TICK), segment
