"""Watches, beside the work, whether the topics are set up as correctness needs them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from keyfold.kafka.errors import KafkaFailure
from keyfold.kafka.topics import find_topic_faults
from keyfold.runtime.metrics import gauge
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.topic_rules import TopicFault
from keyfold.wire.topics import TopicSpec

WATCH_INTERVAL_S: Final = 5.0

FAULTS: Final = gauge("keyfold_topic_faults", "Faults of the topics that this process uses")

log = structlog.get_logger(__name__)


class TopicWatch:
    """Keeps the answer of a readiness check, because the check itself must never wait."""

    def __init__(
        self, kafka: KafkaAccess, specs: Sequence[TopicSpec], *, interval_s: float = WATCH_INTERVAL_S
    ) -> None:
        self._kafka = kafka
        self._specs = specs
        self._interval_s = interval_s
        self._faults: Sequence[TopicFault] = ()
        self._trouble: str | None = None

    def check(self) -> str | None:
        """Return what is fatally wrong with the topics or with Kafka, or None."""
        fatal = [str(fault) for fault in self._faults if fault.fatal]
        return self._trouble or ". ".join(fatal) or None

    async def watch(self) -> None:
        """Check the topics at every interval until cancelled, and log each new fault."""
        while True:
            await self._look()
            await asyncio.sleep(self._interval_s)

    async def _look(self) -> None:
        try:
            faults = await find_topic_faults(self._kafka, self._specs)
        except KafkaFailure as failure:
            self._trouble = str(failure)
            return
        for fault in faults:
            if fault not in self._faults:
                log.warning("topic_misconfigured", topic=fault.topic, wrong=fault.wrong, mend=fault.mend)
        self._trouble, self._faults = None, faults
        FAULTS.set(len(faults))
