"""Open files: every connection takes one, and must leave enough for everything else."""

import resource
import sys
from typing import Final

import structlog

_OTHERS: Final = 256  # the journal, Kafka, PostgreSQL, the service's own port

log = structlog.get_logger(__name__)


def reserve_files(connections_max: int) -> int:
    """Let this process open files for so many connections; return how many connections the system allows.

    Otherwise the journal could be the one to find no file left, and every gateway would be refused.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + _OTHERS
    files = min(wanted, _number(hard))
    if _number(soft) < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    if files < wanted:
        log.warning("few_files_allowed", files=files, connections_wanted=connections_max)
    return max(1, min(connections_max, files - _OTHERS))


def _number(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit
