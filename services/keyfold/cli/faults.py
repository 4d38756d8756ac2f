"""Faults of a call in the words of the command line: the option or argument, not the API's field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import typer

from keyfold.runtime.legible import UNSEEN
from keyfold.wire.keys.format import holds_key

VALUE_CHARACTERS_MAX: Final = 60
_ENVELOPES: Final = frozenset({"query", "header"})
_PARAMETERS: Final[Mapping[str, Sequence[str]]] = {
    "subscriber_key_id": ("key_id",),
    "vendor_key_id": ("vendor",),
    "vendor_id": ("vendor_id", "vendor"),
    "vendor_ids": ("vendor",),
    "key_id": ("key", "key_id"),
    "permissions": ("permission",),
    "networks": ("network",),
    "overlap_s": ("overlap",),
    "expires_at": ("expires",),
    "expires_in_s": ("expires_in",),
    "account_id": ("account_id", "account"),
    "categories": ("category",),
    "enabled": ("switch",),
    "format": ("form",),
    "Idempotency-Key": ("idempotency_key",),
    "Prefer": ("wait",),
}
"""The commands' parameters for those fields of the API that have another name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was typed: how each parameter is spelled, and its value.

    `listing` is the command that lists what there is, empty if there is none.
    """

    spellings: Mapping[str, str]
    values: Mapping[str, Any]
    listing: str = ""

    @classmethod
    def of(cls, context: typer.Context) -> Typed:
        """Return what was typed for a command."""
        spellings = {
            each.name: each.opts[0] if each.param_type_name == "option" else _argument(each)
            for each in context.command.params
            if each.name is not None
        }
        return cls(spellings=spellings, values=context.params, listing=_find_listing(context))

    def place(self, pointer: str) -> str:
        """Return where a fault is, such as `--since 2h`; a JSON pointer if nothing typed belongs to it."""
        field, *rest = pointer.removeprefix("/").split("/")
        if rest and field in _ENVELOPES:
            field, *rest = rest
        name = next((each for each in _PARAMETERS.get(field, (field,)) if each in self.spellings), None)
        if name is None:
            return pointer
        return " ".join([self.spellings[name], *_text(self.values.get(name), rest)])


def _find_listing(context: typer.Context) -> str:
    """Return the command that lists the ids that a command takes, such as `keyfold vendor key list`."""
    takes_id = any(
        each.param_type_name == "argument" and _argument(each).endswith("ID")
        for each in context.command.params
    )
    group = context.parent
    if group is None or not takes_id or "list" not in getattr(group.command, "commands", {}):
        return ""
    names = ["list"]
    while group.parent is not None:
        names.insert(0, str(group.info_name))
        group = group.parent
    return " ".join(["keyfold", *names])


def _argument(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper()).strip("[].")


def _text(value: object, rest: Sequence[str]) -> Sequence[str]:
    """Return the part of the value that the fault is about, but nothing that may be a secret."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[int(rest[0])] if rest and rest[0].isdecimal() and int(rest[0]) < len(value) else None
        rest = rest if value is None else ()
    if rest:
        return rest
    text = "" if value is None else str(value)
    is_shown = 0 < len(text) <= VALUE_CHARACTERS_MAX and not UNSEEN.search(text) and not holds_key(text)
    return [text] if is_shown else []
