"""Metrics: one registry a process, every name declared once with its meaning."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

REGISTRY: Final = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

_PREFIX: Final = "keyfold_"
_LATENCY_BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_EXPOSITION_SHARE: Final = 0.1
_EXPOSITION_BURST_S: Final = 0.5
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


def counter(name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
    """Declare something that only grows; ``name`` ends in ``_total``."""
    return Counter(_check_name(name), meaning, labels, registry=REGISTRY)


class Tally(Collector):
    """A counter whose value other code keeps: it costs nothing until Prometheus reads it."""

    def __init__(self, name: str, meaning: str, labels: Sequence[str]) -> None:
        self._name, self._meaning, self._labels = name.removesuffix("_total"), meaning, labels
        self._counts: Callable[[], Mapping[tuple[str, ...], int]] = dict

    def read_from(self, counts: Callable[[], Mapping[tuple[str, ...], int]]) -> None:
        """Take the counts, by their labels' values, from ``counts`` whenever Prometheus reads them."""
        self._counts = counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return the counts now."""
        family = CounterMetricFamily(self._name, self._meaning, labels=self._labels)
        for values, count in self._counts().items():
            family.add_metric(values, count)
        yield family


def tally(name: str, meaning: str, labels: Sequence[str] = ()) -> Tally:
    """Declare something that only grows and that other code counts; ``name`` ends in ``_total``."""
    made = Tally(_check_name(name), meaning, labels)
    REGISTRY.register(made)
    return made


class Distribution(Collector):
    """A histogram that takes many values at once, for little more than one costs."""

    def __init__(self, name: str, meaning: str, buckets: Sequence[float]) -> None:
        self._name, self._meaning, self._buckets = name, meaning, (*buckets, math.inf)
        self._counts, self._sum = [0] * len(self._buckets), 0.0

    def add(self, values: Sequence[float]) -> None:
        """Count values, which must be sorted."""
        for number, bound in enumerate(self._buckets):
            self._counts[number] += bisect_right(values, bound)
        self._sum += sum(values)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Return the distribution now."""
        bounds = map(floatToGoString, self._buckets)
        family = HistogramMetricFamily(self._name, self._meaning)
        family.add_metric((), buckets=list(zip(bounds, self._counts, strict=True)), sum_value=self._sum)
        yield family


def distribution(name: str, meaning: str, buckets: Sequence[float]) -> Distribution:
    """Declare a distribution of values that come many at a time; ``name`` ends in its unit."""
    made = Distribution(_check_name(name), meaning, buckets)
    REGISTRY.register(made)
    return made


def gauge(name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
    """Declare a value that goes up and down; ``name`` ends in its unit."""
    return Gauge(_check_name(name), meaning, labels, registry=REGISTRY)


def histogram(
    name: str, meaning: str, labels: Sequence[str] = (), buckets: Sequence[float] = _LATENCY_BUCKETS_S
) -> Histogram:
    """Declare a distribution; ``name`` ends in its unit, the default buckets are latencies in seconds."""
    return Histogram(_check_name(name), meaning, labels, buckets=buckets, registry=REGISTRY)


def _check_name(name: str) -> str:
    if not name.startswith(_PREFIX):
        raise ValueError(f"a metric's name starts with {_PREFIX}: {name}")
    return name


def exposition() -> bytes:
    """Return every metric in Prometheus's text format."""
    return generate_latest(REGISTRY)


class SharedExposition:
    """The exposition for whoever asks, made anew as long as that takes at most a tenth of the process's time.

    It takes milliseconds, in which nobody else is answered, and strangers may ask. Past that share they get
    the last one again: it is ten times as old as it took to make, at most.
    """

    def __init__(self, make: Callable[[], bytes] = exposition) -> None:
        self._make = make
        self._last = b""
        self._left_s, self._looked_s = _EXPOSITION_BURST_S, -math.inf

    def read(self, monotonic_s: Callable[[], float]) -> bytes:
        """Return every metric in Prometheus's text format."""
        began_s = monotonic_s()
        earned_s = _EXPOSITION_SHARE * (began_s - self._looked_s)
        self._left_s, self._looked_s = min(_EXPOSITION_BURST_S, self._left_s + earned_s), began_s
        if self._left_s > 0:
            self._last = self._make()
            self._left_s -= monotonic_s() - began_s
        return self._last
