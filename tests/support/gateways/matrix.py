"""The gateway matrix: what a client sees for each reason, behind each gateway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from tests.support.gateways.running import KINDS
from tests.support.gateways.wire import Response

Seen = Counter[tuple[int, str]]
"""How often each status came, with which reason."""
PROPERTY: Final = "gateway_matrix"
RESTARTS: Final = "both gatekeepers replaced under load"
LEGEND: Final = "status; h: the reason in the header; b: in the body; u: the body says gatekeeper_unavailable"


def cell(gateway: str, row: str, response: Response) -> tuple[str, str]:
    """Return the property of a test report that is one cell of the matrix."""
    told = (response.problem or {}).get("reason")
    header = "h" if response.values("X-Keyfold-Reason") else "-"
    body = "b" if told == row else "u" if told == "gatekeeper_unavailable" else "-"
    return PROPERTY, f"{gateway}|{row}|{response.status} {header}{body}"


def restarts(gateway: str, seen: Seen) -> tuple[str, str]:
    """Return the property of a test report with what was seen of restarts under load."""
    shown = ", ".join(f"{count} x {status} {reason}".strip() for (status, reason), count in seen.items())
    return PROPERTY, f"{gateway}|{RESTARTS}|{shown}"


def table(properties: Iterable[tuple[str, object]]) -> list[str]:
    """Return the lines of the matrix, none if no cell is known."""
    cells: dict[str, dict[str, str]] = {}
    for name, value in properties:
        if name == PROPERTY:
            gateway, row, seen = str(value).split("|")
            cells.setdefault(row, {})[gateway] = seen
    if not cells:
        return []
    restarted = cells.pop(RESTARTS, {})
    return [
        _line("", list(KINDS)),
        *(_line(row, [seen.get(gateway, "") for gateway in KINDS]) for row, seen in cells.items()),
        LEGEND,
        *(f"{RESTARTS}: {gateway}: {seen}" for gateway, seen in restarted.items()),
    ]


def _line(first: str, others: list[str]) -> str:
    return f"{first:<24}" + "".join(f"{each:<10}" for each in others).rstrip()
