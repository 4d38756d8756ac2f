"""Programs of Debian's packages: tests that need a missing one are skipped, and the summary says so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Final

import pytest

PROGRAMS: Final[Mapping[str, str]] = {
    "nginx-light": "nginx",
    "haproxy": "haproxy",
    # A whole Chromium draws windows that nobody sees, which is two thirds of its work.
    "chromium-headless-shell": "chromium-headless-shell",
    "wrk": "wrk",
}
REQUIRED: Final = "KEYFOLD_DEBIAN_REQUIRED"
"""If set, a missing program is a failure."""
_PROPERTY: Final = "debian_package_missing"


def find_program(package: str) -> str | None:
    """Return the path of a package's program, None if it is not installed."""
    # Debian keeps servers where not everybody's PATH goes.
    return shutil.which(PROGRAMS[package], path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def program(package: str) -> str:
    """Return the path of a package's program, which a test marked for it can rely on."""
    path = find_program(package)
    assert path is not None, package
    return path


def missing_packages() -> list[str]:
    """Return the packages whose programs are not installed."""
    return [package for package in PROGRAMS if find_program(package) is None]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program is missing, or fail it if none may be skipped."""
    for mark in item.iter_markers("debian"):
        (package,) = mark.args
        if find_program(package) is not None:
            continue
        if os.environ.get(REQUIRED):
            pytest.fail(f"Debian's {package} is not installed, and {REQUIRED} is set", pytrace=False)
        item.user_properties.append((_PROPERTY, package))
        pytest.skip(f"needs Debian's {package}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print in one line which tests did not run because of which packages."""
    reports = terminalreporter.getreports("skipped")
    lacking = [value for each in reports for name, value in each.user_properties if name == _PROPERTY]
    if lacking:
        packages = " ".join(sorted(set(map(str, lacking))))
        terminalreporter.write_line(
            f"tests that did not run: {len(lacking)}; as root, apt-get install {packages} lets them",
            yellow=True,
        )


if __name__ == "__main__":
    print(*missing_packages())
