"""The ports of a stack: the same at every start, with a free one in place of any that is taken."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from keyfold.local.extra import CannotRunHere
from keyfold.local.process.ports import claim, claim_free_ports
from keyfold.local.service_specs import SERVICE_SPECS
from keyfold.local.state import read_json, write_private

FIRST_PORT: Final = 17_400
"""Unassigned by IANA, and below the range that systems use for outgoing connections."""
_FIRST: Final = (
    *("gateway", "authz", "registry", "relay", "projection", "gatekeeper", "shipper", "audit"),
    *("sample-api", "kafka", "kafka-controller", "postgres", "console"),
)
# Services that were added later come last, so that no port moves.
_LATER: Final = (spec.name for spec in SERVICE_SPECS if spec.name not in _FIRST)
OFFSETS: Final[Mapping[str, int]] = {name: offset for offset, name in enumerate((*_FIRST, *_LATER))}
FILE_NAME: Final = "ports.json"


class PortTaken(CannotRunHere):
    """The requested port is taken by another program. Name another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPorts:
    """The requested ports: the first of the block, and the gateway's; None for no request."""

    first: int | None = None
    gateway: int | None = None

    def candidates(self, name: str, last: int | None) -> Iterable[int]:
        """Return ports for a part, the best first: the requested one, else the last one and the default."""
        if self.first is None:
            return [port for port in (last, FIRST_PORT + OFFSETS[name]) if port is not None]
        return [self.first + OFFSETS[name]]


@dataclass(slots=True, kw_only=True)
class StackPorts:
    """The port of each part by its name; no other stack gets one while this one holds it.

    `taken` has, by the name of the part, each preferred port that was not free.
    """

    of: dict[str, int] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    _claims: list[socket.socket] = field(default_factory=list, repr=False)

    def __getitem__(self, name: str) -> int:
        return self.of[name]

    def choose(self, name: str, candidates: Iterable[int]) -> None:
        """Take the first free one of the ports, else any free one."""
        preferred = list(candidates)
        if not any(self._claim(name, port) for port in preferred):
            self.of[name], claimed = next(claim_free_ports())
            self._claims.append(claimed)
        if self.of[name] != preferred[0]:
            self.taken[name] = preferred[0]

    def insist(self, name: str, port: int) -> None:
        """Take this port. Raises PortTaken."""
        if not self._claim(name, port):
            raise PortTaken(f"port {port} is taken: name another one for the {name}, or leave it out")

    def release(self) -> None:
        """Release the ports to other stacks."""
        for each in self._claims:
            each.close()

    def _claim(self, name: str, port: int) -> bool:
        claimed = claim(port)
        if claimed is None:
            return False
        self._claims.append(claimed)
        self.of[name] = port
        return True


@contextmanager
def hold_stack_ports(state_dir: Path, wanted: WantedPorts) -> Iterator[StackPorts]:
    """Hold a port for each part, the last ones if they are free. Raises PortTaken."""
    path = state_dir / FILE_NAME
    last = _read_last(path)
    ports = StackPorts()
    try:
        if wanted.gateway is not None:
            ports.insist("gateway", wanted.gateway)
        for name in OFFSETS:
            if name in ports.of:
                continue
            ports.choose(name, wanted.candidates(name, last.get(name)))
        write_private(path, orjson.dumps(ports.of, option=orjson.OPT_SORT_KEYS))
        yield ports
    finally:
        ports.release()


def _read_last(path: Path) -> Mapping[str, int]:
    kept = read_json(path)
    is_whole = isinstance(kept, dict) and all(each in range(1, 65_536) for each in kept.values())
    return kept if is_whole else {}
