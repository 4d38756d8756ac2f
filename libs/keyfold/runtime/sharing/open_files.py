"""Open files: every connection takes one, and all connections must leave enough for everything else."""

import resource
import sys
from collections.abc import Sequence
from typing import Final

import structlog

_OTHERS: Final = 256
"""What a process opens beside connections: PostgreSQL, Kafka, journal, logs, other services."""

log = structlog.get_logger(__name__)


def reserve_files(wanted: Sequence[int]) -> Sequence[int]:
    """Let this process open files for so many connections on each port; return how many each port may hold.

    Where the system allows fewer, all ports get less in proportion, and at least half of the files stay for
    everything else if that needs them. Otherwise a journal or a connection to PostgreSQL could be the one to
    find no file left.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    connections = sum(wanted)
    files = min(connections + _OTHERS, _number(hard))
    if _number(soft) < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    allowed = files - min(_OTHERS, files // 2)
    if allowed >= connections:
        return wanted
    log.warning("few_files_allowed", files=files, connections_wanted=connections, connections_max=allowed)
    return [max(1, each * allowed // connections) for each in wanted]


def _number(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit
