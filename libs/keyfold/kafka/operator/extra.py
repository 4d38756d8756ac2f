"""The optional package that users and rights need, and a clear error if it is missing."""

from __future__ import annotations

import importlib.util
from typing import Final

from keyfold.kafka.errors import KafkaFailure

PACKAGE: Final = "confluent_kafka"


class OperatorMissing(KafkaFailure):
    """The `operator` extra is not installed. Run: pip install 'keyfold[operator]'."""


def require_operator() -> None:
    """Raise OperatorMissing unless the client for users and rights is installed.

    To be called before anything else of this package is imported.
    """
    if importlib.util.find_spec(PACKAGE) is None:
        raise OperatorMissing(
            "users and rights in Kafka need the package confluent-kafka: pip install 'keyfold[operator]'"
        )
