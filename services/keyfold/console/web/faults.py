"""What a service found wrong with a form, by its fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from keyfold.console.upstream.failures import ServiceRefused


def faults_of(refused: ServiceRefused, names: Collection[str]) -> Mapping[str, str]:
    """Return the first fault of each field by its name; by an empty name what concerns no field."""
    faults: dict[str, str] = {}
    for wrong in refused.wrongs:
        name = wrong.pointer.removeprefix("/").partition("/")[0]
        faults.setdefault(name if name in names else "", _sentence(wrong.detail))
    return faults or {"": refused.detail}


def _sentence(detail: str) -> str:
    return f"{detail[:1].upper()}{detail[1:].rstrip('.')}."
