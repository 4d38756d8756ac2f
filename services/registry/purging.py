"""Clearing up: kept answers go some time after nobody can ask for them any more."""

import asyncio

import structlog

from libs.runtime.clock import Clock
from libs.store.errors import DatabaseAway
from libs.store.kept_answers import KeptAnswers

PURGE_INTERVAL_S = 600.0

log = structlog.get_logger(__name__)


async def purge_answers(answers: KeptAnswers, clock: Clock, *, interval_s: float = PURGE_INTERVAL_S) -> None:
    """Remove outlived answers again and again, also after a time without PostgreSQL; never return."""
    while True:
        try:
            if removed := await answers.purge(clock.now()):
                log.info("kept_answers_purged", removed=removed)
        except DatabaseAway as away:
            log.warning("kept_answers_not_purged", reason=str(away))
        await asyncio.sleep(interval_s)
