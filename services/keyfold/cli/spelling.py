"""Ids on the command line: given as an argument or as the option of the same meaning, and checked."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, get_args

import typer
from typer.models import ArgumentInfo

from keyfold.client.failure import WrongUsage

_OPTIONS: Final = {"account_id": "--account", "vendor_id": "--vendor", "key_id": "--key"}
"""The options with which other commands take the same ids."""
_IDS: Final = frozenset({*_OPTIONS, "account", "vendor", "key", "key_ids", "invitation_id", "login_id"})
_ID: Final = re.compile(r"[A-Za-z0-9_]{1,40}")
_AS_OPTION: Final = "_as_option"


def add_id_options(own: Sequence[inspect.Parameter]) -> list[inspect.Parameter]:
    """Return a command's parameters, and for each argument that is an id an option with the same meaning."""
    taken = {each.name for each in own}
    found: list[inspect.Parameter] = []
    for each in own:
        option, (kind, said) = _OPTIONS.get(each.name), get_args(each.annotation) or (str, None)
        if option is None or option.removeprefix("--") in taken or not isinstance(said, ArgumentInfo):
            found.append(each)
            continue
        default = None if each.default is inspect.Parameter.empty else each.default
        found += [
            each.replace(annotation=Annotated[kind | None, said], default=default),
            inspect.Parameter(
                each.name + _AS_OPTION,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[
                    str | None, typer.Option(option, help=f"The same as {(said.metavar or '').strip('[]')}.")
                ],
            ),
        ]
    return found


def merge_ids(
    own: Sequence[inspect.Parameter], spellings: Mapping[str, str], arguments: dict[str, Any]
) -> dict[str, Any]:
    """Return the arguments with each id under its argument's name. Raises WrongUsage for an id that is given
    twice, is required but missing, or is not an id."""
    said = {name: value for name, value in arguments.items() if not name.endswith(_AS_OPTION)}
    for each in own:
        if each.name + _AS_OPTION not in arguments:
            continue
        option = arguments[each.name + _AS_OPTION]
        if option is not None and said[each.name] not in (None, option):
            raise WrongUsage(f"{spellings[each.name]} and {_OPTIONS[each.name]} differ: say one of them.")
        said[each.name] = option if option is not None else said[each.name]
        if said[each.name] is None and each.default is inspect.Parameter.empty:
            raise WrongUsage(f"Which one? Name it: {spellings[each.name]}, or {_OPTIONS[each.name]}.")
    for name in _IDS & said.keys():
        given = said[name] if isinstance(said[name], list) else [said[name]]
        # A value that is not an id is not repeated: it may be a secret, typed by mistake.
        if not all(value is None or _ID.fullmatch(value) for value in given):
            raise WrongUsage(f"{spellings[name]}: it must be an id, such as acc_…, ven_… or key_….")
    return said
