"""How services stand, as each says itself: the metrics that tell its position and its lag."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The metrics that tell a service's position and lag; the lag's name ends in its unit."""

    position: str | None = None
    lag: str | None = None


MEASURES: Final[Mapping[str, Measures]] = {
    "registry": Measures(),
    "relay": Measures(position="keyfold_relay_position", lag="keyfold_relay_lag_events"),
    "projection": Measures(position="keyfold_projection_position", lag="keyfold_projection_lag_records"),
    "gatekeeper": Measures(position="keyfold_gatekeeper_position"),
    "shipper": Measures(lag="keyfold_shipper_oldest_unshipped_seconds"),
    "audit": Measures(lag="keyfold_audit_lag_records"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceProgress:
    """How far a service has come and how far it is behind, None where it does not say; the lag's unit."""

    position: int | None
    lag: int | None
    lag_unit: str | None


def progress(service: str, exposition: str) -> ServiceProgress:
    """Read a service's metrics; raises ValueError for what is no Prometheus text."""
    measures = MEASURES[service]
    samples = _samples(exposition, tuple(each for each in (measures.position, measures.lag) if each))
    return ServiceProgress(
        position=samples.get(measures.position or ""),
        lag=samples.get(measures.lag or ""),
        lag_unit=None if measures.lag is None else measures.lag.rpartition("_")[2],
    )


def why_not_ready(readiness: Mapping[str, Mapping[str, object]]) -> str:
    """Return the reasons that `/readyz` gives, in one line."""
    return "; ".join(str(reason) for reason in readiness.get("reasons", {}).values()) or "not ready"


def _samples(exposition: str, names: tuple[str, ...]) -> Mapping[str, int]:
    """Return the largest sample of each metric, rounded: of several partitions the worst counts."""
    # What is read is dear, and most of a service's metrics are of no use here.
    lines = [line for line in exposition.splitlines() if line.startswith(names)]
    return {
        family.name: round(max(sample.value for sample in family.samples))
        for family in text_string_to_metric_families("\n".join([*lines, ""]))
        if family.samples and family.name in names
    }
