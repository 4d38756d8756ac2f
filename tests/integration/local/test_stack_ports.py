"""The ports of a stack, with real sockets."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from keyfold.local.process.ports import HOST, claim, free_ports
from keyfold.local.stack_ports import FILE_NAME, OFFSETS, PortTaken, WantedPorts, hold_stack_ports


@pytest.fixture
def wanted(first_port: int) -> WantedPorts:
    """A block of the test's own, as other stacks may use the default one."""
    return WantedPorts(first=first_port)


def test_fixed(tmp_path: Path, wanted: WantedPorts) -> None:
    """A stack has the same ports at each start: one for each part, in a row from the first."""
    for _ in range(2):
        with hold_stack_ports(tmp_path, wanted) as ports:
            assert ports.of == {name: (wanted.first or 0) + offset for name, offset in OFFSETS.items()}
            assert ports.taken == {}


def test_taken(tmp_path: Path, wanted: WantedPorts) -> None:
    """If a program has one of the ports, a free one is used and reported, and used again the next time."""
    first = wanted.first or 0
    with socket.create_server((HOST, first)):
        with hold_stack_ports(tmp_path, wanted) as ports:
            moved = ports["gateway"]
            assert ports.taken == {"gateway": first}
            assert moved != first
            assert ports["authz"] == first + 1
        with hold_stack_ports(tmp_path, WantedPorts()) as again:
            assert again.of == {**ports.of}
            assert again.taken == {}


def test_explicit_wins(tmp_path: Path, wanted: WantedPorts) -> None:
    """Requested ports take precedence over the last ones."""
    with hold_stack_ports(tmp_path, WantedPorts()):
        pass
    gateway = (wanted.first or 0) + len(OFFSETS)
    with hold_stack_ports(tmp_path, WantedPorts(first=wanted.first, gateway=gateway)) as ports:
        assert ports["gateway"] == gateway
        assert ports["authz"] == (wanted.first or 0) + 1


def test_side_by_side(tmp_path: Path, wanted: WantedPorts) -> None:
    """No two stacks have a port in common, even while nobody listens yet, and whichever starts first."""
    (tmp_path / "two").mkdir()
    with hold_stack_ports(tmp_path, wanted) as one, hold_stack_ports(tmp_path / "two", wanted) as two:
        assert not set(one.of.values()) & set(two.of.values())
        assert two.taken == one.of
    with hold_stack_ports(tmp_path / "two", wanted) as alone:
        assert alone.taken == {}


def test_free_ports_are_claimed() -> None:
    """When several programs are about to listen, none is given another's port."""
    assert [claim(port) for port in free_ports(10)] == [None] * 10


def test_claim_ends_with_its_process(first_port: int) -> None:
    """A stack that is killed leaves its ports to the next."""
    port = first_port
    script = (
        "from keyfold.local.process.ports import claim\n"
        f"held = claim({port})\n"
        "print(held is not None, flush=True)\n"
        "input()\n"
    )
    program = [sys.executable, "-c", script]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        assert claim(port) is None
        holder.kill()
        holder.wait()
    claimed = claim(port)
    assert claimed is not None
    claimed.close()


def test_taken_gateway_port(tmp_path: Path) -> None:
    """A port that was requested by itself is used or refused, never replaced."""
    (port,) = free_ports(1)
    with (
        socket.create_server((HOST, port)),
        pytest.raises(PortTaken, match=f"port {port} is taken"),
        hold_stack_ports(tmp_path, WantedPorts(gateway=port)),
    ):
        pass


@pytest.mark.parametrize("damaged", ["", '{"gateway": 17', "[]", '{"gateway": "x"}', '{"gateway": 99999}'])
def test_damaged_memory(tmp_path: Path, wanted: WantedPorts, damaged: str) -> None:
    """A damaged record of the ports is ignored."""
    (tmp_path / FILE_NAME).write_text(damaged)
    with hold_stack_ports(tmp_path, wanted) as ports:
        assert ports.of.keys() == OFFSETS.keys()
    (tmp_path / FILE_NAME).write_text(damaged)
    with hold_stack_ports(tmp_path, WantedPorts()) as ports:
        assert ports.of.keys() == OFFSETS.keys()
