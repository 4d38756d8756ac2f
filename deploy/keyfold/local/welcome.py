"""The screen of a ready stack: its addresses, and three commands to paste."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from pathlib import Path

from rich.text import Text

from keyfold.local.sample.record import Sample
from keyfold.local.sample.try_it import try_it

SHOWN = ("console", "gateway", "registry", "gatekeeper", "audit", "kafka", "postgres")


def welcome(stack: Mapping[str, object], sample: Sample | None, state_dir: Path) -> Text:
    """Return the screen. It shows the sample's secrets, which work only for this stack's sample API."""
    lines = [
        "",
        f"Keyfold is ready. Ctrl-C stops it; its data and logs stay in {os.path.relpath(state_dir)}.",
        "",
    ]
    lines += [f"  {name:<11} {_without_password(str(stack[name]))}" for name in SHOWN if name in stack]
    if sample is not None:
        lines += _commands(str(stack["gateway"]), sample, state_dir)
    return Text("\n".join([*lines, ""]))


def _commands(gateway: str, sample: Sample, state_dir: Path) -> list[str]:
    commands = try_it(sample, gateway=gateway, state_dir=state_dir)
    return [
        "",
        f"{sample.vendor_name} asks for data of {sample.account_name}, which its key allows:",
        f"  {commands.passes}",
        "",
        "It asks for more than its key allows; the answer says why not:",
        f"  {commands.is_refused}",
        "",
        "The log has both:",
        f"  {commands.shows_both}",
    ]


def _without_password(address: str) -> str:
    scheme, slashes, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if slashes else address
