"""The operator's client, and what its brokers answer."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from pathlib import Path
from typing import Final, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from keyfold.kafka.errors import KafkaMisconfigured, Unavailable
from keyfold.runtime.settings.kafka import KafkaAccess

TIMEOUT_S: Final = 15.0

T = TypeVar("T")

# What it has to say is said by its answers; its own lines would go to standard error.
_SILENT: Final = logging.getLogger("keyfold.librdkafka")
_SILENT.setLevel(logging.CRITICAL)


def open_admin(kafka: KafkaAccess) -> AdminClient:
    """Return a client, which connects by itself."""
    said = {
        "bootstrap.servers": kafka.bootstrap,
        "client.id": "keyfold-operator",
        "security.protocol": kafka.protocol,
        "ssl.ca.location": _text(kafka.authorities),
        "ssl.certificate.location": _text(kafka.certificate),
        "ssl.key.location": _text(kafka.key),
        "sasl.mechanism": kafka.mechanism if kafka.is_by_password else None,
        "sasl.username": kafka.username,
        "sasl.password": kafka.password,
    }
    return AdminClient({name: value for name, value in said.items() if value is not None}, logger=_SILENT)


def result_of(future: Future[T]) -> T:
    """Return what a broker answered. Raises Unavailable or KafkaMisconfigured."""
    try:
        return future.result(TIMEOUT_S)
    except TimeoutError as late:
        raise Unavailable(f"no answer from Kafka within {TIMEOUT_S:g} s") from late
    except KafkaException as failed:
        error = failed.args[0]
        detail = f"{error.name()}: {error.str()}"
        # Codes below 0 are the client's own, for what did not get as far as a broker.
        if error.retriable() or error.code() < 0:
            raise Unavailable(detail) from failed
        raise KafkaMisconfigured(detail) from failed


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
