"""How a coroutine becomes a command: it gets the services, its answer is shown, its failure is a sentence."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final, ParamSpec

import typer

from libs.runtime.auth import Role
from services.cli.client import open_client
from services.cli.failure import CommandFailed, WrongUsage
from services.cli.keyfold import Keyfold
from services.cli.places import find_places
from services.cli.screen import Shown, show

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

P = ParamSpec("P")
Body = Callable[Concatenate[Keyfold, P], Awaitable[Shown]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What every command takes beside its own parameters; the fields are the options' names."""

    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Directory of a local stack (KEYFOLD_DIR).", rich_help_panel="Anywhere"),
    ] = None
    as_role: Annotated[
        Role | None,
        typer.Option("--as", help="On a local stack: act in another role.", rich_help_panel="Anywhere"),
    ] = None
    as_json: Annotated[
        bool,
        typer.Option("--json", help="JSON, also on a terminal.", rich_help_panel="Anywhere"),
    ] = False


def command(app: typer.Typer, name: str) -> Callable[[Body[P]], Body[P]]:
    """Register a coroutine: its docstring is the help, its parameters are the options."""

    def register(body: Body[P]) -> Body[P]:
        app.command(name, help=inspect.getdoc(body))(_runnable(body))
        return body

    return register


def bare(app: typer.Typer) -> Callable[[Body[P]], Body[P]]:
    """Make a command what its group does when no command is named, with the same options."""

    def register(body: Body[P]) -> Body[P]:
        run = _runnable(body)

        own = inspect.signature(run).parameters

        def run_bare(context: typer.Context, **arguments: Any) -> None:
            if context.invoked_subcommand is None:
                run(**arguments)
            elif any(arguments[name] != parameter.default for name, parameter in own.items()):
                # Ignored, they would be filters that do not filter.
                raise typer.BadParameter(f"options go behind {context.invoked_subcommand}")

        context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        vars(run_bare)["__signature__"] = inspect.Signature([context, *own.values()])
        app.callback(invoke_without_command=True)(run_bare)
        return body

    return register


def _runnable(body: Callable[..., Awaitable[Shown]]) -> Callable[..., None]:
    common = list(inspect.signature(Manner, eval_str=True).parameters.values())

    def run(**arguments: Any) -> None:
        manner = Manner(**{each.name: arguments.pop(each.name) for each in common})
        _execute(manner, lambda keyfold: body(keyfold, **arguments))

    own = list(inspect.signature(body, eval_str=True).parameters.values())[1:]
    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *common)]
    # Where inspect looks for what a callable takes, and so where typer finds the options.
    vars(run)["__signature__"] = inspect.Signature(keywords)
    return run


def _execute(manner: Manner, body: Callable[[Keyfold], Awaitable[Shown]]) -> None:
    try:
        show(asyncio.run(_answer(manner, body)), as_json=manner.as_json)
    except CommandFailed as failed:
        sys.stderr.write(f"{failed}\n")
        raise typer.Exit(EXIT_USAGE if isinstance(failed, WrongUsage) else EXIT_FAILED) from None


async def _answer(manner: Manner, body: Callable[[Keyfold], Awaitable[Shown]]) -> Shown:
    places = find_places(manner.directory)
    async with open_client(places) as client:
        return await body(Keyfold(places=places, client=client, role=manner.as_role))
