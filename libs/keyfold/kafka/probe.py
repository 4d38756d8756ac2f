"""Checks that a broker answers, which is more than that its port is open."""

from __future__ import annotations

import asyncio
import contextlib

from aiokafka.admin import AIOKafkaAdminClient

from keyfold.kafka.access import client_options, open_client
from keyfold.kafka.errors import translate_read_errors
from keyfold.runtime.settings.kafka import KafkaAccess

STOP_TIMEOUT_S = 2.0


async def require_answer(kafka: KafkaAccess, *, timeout_s: float = 5) -> None:
    """Return when Kafka has listed its topics. Raises Unavailable."""
    admin = AIOKafkaAdminClient(**client_options(kafka), request_timeout_ms=int(timeout_s * 1000))
    try:
        with translate_read_errors():
            async with asyncio.timeout(timeout_s):
                await open_client(admin, kafka)
                await admin.list_topics()
    finally:
        with contextlib.suppress(Exception):  # the answer is known by now
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await admin.close()
