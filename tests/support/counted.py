"""What tests counted, as tables at the end: `record_property("title", {"column": 1})` adds a row to one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

Row = Mapping[str, object]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables. The rows come with the tests' reports, from other processes too."""
    tables: dict[str, list[Row]] = {}
    for title, row in _rows(terminalreporter):
        tables.setdefault(title, []).append(row)
    for title, rows in tables.items():
        terminalreporter.section(title)
        for line in _lines(rows):
            terminalreporter.line(line)


def _rows(terminalreporter: pytest.TerminalReporter) -> Iterator[tuple[str, Row]]:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and report.when == "call":
                for title, row in report.user_properties:
                    if isinstance(row, Mapping):
                        yield title, row


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    names = list(rows[0])
    cells = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
