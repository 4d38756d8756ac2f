"""No value shows a secret where it is printed: in a traceback, an assertion or a log line."""

from __future__ import annotations

import dataclasses
import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module

import msgspec
from pydantic import BaseModel

import keyfold

SECRET = re.compile(
    r"(?:^|_)(?:token|secret|password|passwords|dsn|dsns|code|env|pem|private_key|verifier|nonce)$"
)
# What the names say is no secret there.
INNOCENT = {("Refusal", "code")}
# Types that show nothing of a secret: a mask, the path of a file that holds it, and a class that hides it.
HIDING = re.compile("SecretStr|Path|StateSecret")


def classes() -> Iterator[type]:
    """Yield every class of ours."""
    for found in pkgutil.walk_packages(keyfold.__path__, "keyfold."):
        if not found.name.endswith("__main__"):
            module = import_module(found.name)
            yield from (
                each
                for each in vars(module).values()
                if inspect.isclass(each) and each.__module__ == found.name
            )


def shown_fields(kind: type) -> Iterator[str]:
    """Yield the fields that the representation of a class's instances shows."""
    if dataclasses.is_dataclass(kind):
        if hasattr(kind.__repr__, "__wrapped__"):  # what the decorator wrote
            yield from (
                each.name
                for each in dataclasses.fields(kind)
                if each.repr and not HIDING.search(str(each.type))
            )
    elif issubclass(kind, msgspec.Struct):
        if kind.__repr__ is msgspec.Struct.__repr__:
            yield from kind.__struct_fields__
    elif issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if field.repr and not HIDING.search(str(field.annotation)):
                yield name


def test_no_secret_is_shown() -> None:
    """Fields whose names say that they hold a secret are left out, or are masked by their type."""
    shown = [
        f"{kind.__module__}.{kind.__name__}.{name}"
        for kind in classes()
        for name in shown_fields(kind)
        if SECRET.search(name) and (kind.__name__, name) not in INNOCENT
    ]
    assert shown == [], "\n".join(shown)
