"""How far services have come, by their own metrics of position and lag."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The metrics of a service's position and lag; the lag's name ends in its unit."""

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
    """How far a service has come, and how far it is behind, in `lag_unit`; None where it does not say."""

    position: int | None
    lag: int | None
    lag_unit: str | None


def progress(service: str, exposition: str) -> ServiceProgress:
    """Return a service's progress from its metrics. Raises ValueError if they are not Prometheus text."""
    measures = MEASURES[service]
    samples = _samples(exposition, tuple(each for each in (measures.position, measures.lag) if each))
    return ServiceProgress(
        position=samples.get(measures.position or ""),
        lag=samples.get(measures.lag or ""),
        lag_unit=None if measures.lag is None else measures.lag.rpartition("_")[2],
    )


def why_not_ready(readiness: Mapping[str, Mapping[str, object]]) -> str:
    """Return the reasons of a `/readyz` answer in one line."""
    return "; ".join(str(reason) for reason in readiness.get("reasons", {}).values()) or "not ready"


def _samples(exposition: str, names: tuple[str, ...]) -> Mapping[str, int]:
    """Return each metric's largest sample, rounded: the worst of several partitions counts."""
    # Parsing is slow, and most of a service's metrics are of no use here.
    lines = [line for line in exposition.splitlines() if line.startswith(names)]
    return {
        family.name: round(max(sample.value for sample in family.samples))
        for family in text_string_to_metric_families("\n".join([*lines, ""]))
        if family.samples and family.name in names
    }
