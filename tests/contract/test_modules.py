"""Every module can be imported, and offers what it says it does."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

import keyfold

MODULES = sorted(
    each.name
    for each in pkgutil.walk_packages(keyfold.__path__, "keyfold.")
    if not each.name.endswith(".__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_star(name: str) -> None:
    """What a module names in `__all__` is there."""
    module = import_module(name)
    assert [each for each in getattr(module, "__all__", ()) if not hasattr(module, each)] == []
