"""Connections leave files for everything else that a process opens."""

import resource
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from keyfold.runtime.sharing.open_files import reserve_files


@pytest.fixture
def hard_limit() -> Iterator[int]:
    """The hard limit on open files; the process gets its soft limit back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        yield hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_leave_files_for_everything_else(hard_limit: int) -> None:
    """A process raises its own limit on open files, and its ports share what the system allows."""
    with closing(socket.socket()) as least:
        resource.setrlimit(resource.RLIMIT_NOFILE, (least.fileno() + 300, hard_limit))
    assert reserve_files((1000, 500)) == (1000, 500)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 1756
    with capture_logs() as logs:
        own, gateways = reserve_files((hard_limit, 3 * hard_limit))
    assert [each["event"] for each in logs] == ["few_files_allowed"]
    assert own + gateways <= hard_limit - 256
    assert gateways // own == 3
