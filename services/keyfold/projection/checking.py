"""Checks that the read model is what was folded into it, before a gatekeeper has to load it."""

import asyncio
from typing import Final

import structlog

from keyfold.projection import metrics
from keyfold.runtime.failure import StopProcess, TryLater
from keyfold.store.postgres.errors import ReadModelAltered
from keyfold.store.read_model.snapshots import Snapshots

INTERVAL_S: Final = 600.0

log = structlog.get_logger(__name__)


async def keep_checking(snapshots: Snapshots, *, interval_s: float = INTERVAL_S) -> None:
    """Check every ten minutes until cancelled; a metric, and an error a difference, say what is wrong."""
    told: str | None = None
    while True:
        await asyncio.sleep(interval_s)
        try:
            await snapshots.check()
        except ReadModelAltered as altered:
            metrics.READ_MODEL_ALTERED.set(1)
            if str(altered) != told:
                log.error("read_model_altered", difference=str(altered))
            told = str(altered)
        except (TryLater, StopProcess) as away:
            log.warning("read_model_not_checked", reason=str(away) or type(away).__name__)
        else:
            metrics.READ_MODEL_ALTERED.set(0)
            told = None
