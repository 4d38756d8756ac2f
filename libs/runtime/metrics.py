"""Metrics: one registry a process, every name declared once with what it means."""

from collections.abc import Sequence
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

REGISTRY: Final = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

_PREFIX: Final = "keyfold_"
_LATENCY_BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


def counter(name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
    """Declare something that only grows; ``name`` ends in ``_total``."""
    return Counter(_checked(name), meaning, labels, registry=REGISTRY)


def gauge(name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
    """Declare a value that goes up and down; ``name`` ends in its unit."""
    return Gauge(_checked(name), meaning, labels, registry=REGISTRY)


def histogram(
    name: str, meaning: str, labels: Sequence[str] = (), buckets: Sequence[float] = _LATENCY_BUCKETS_S
) -> Histogram:
    """Declare a distribution; ``name`` ends in its unit, the default buckets are latencies in seconds."""
    return Histogram(_checked(name), meaning, labels, buckets=buckets, registry=REGISTRY)


def _checked(name: str) -> str:
    if not name.startswith(_PREFIX):
        raise ValueError(f"a metric's name starts with {_PREFIX}: {name}")
    return name


def exposition() -> bytes:
    """Return every metric in Prometheus's text format."""
    return generate_latest(REGISTRY)
