"""How a coroutine becomes a command: it gets the services, its answer is shown, its failure is a sentence."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final, NoReturn, ParamSpec

import typer

from keyfold.cli.confirmation import confirmed
from keyfold.cli.faults import Typed
from keyfold.cli.keyfold import Keyfold, say_target
from keyfold.cli.screen import Details, Listing, Shown, printable, show
from keyfold.cli.screen.streams import may_be_closed
from keyfold.cli.spelling import settled, with_options
from keyfold.cli.times import bounded_seconds
from keyfold.client.endpoints import find_endpoints
from keyfold.client.failure import CommandFailed, WrongUsage
from keyfold.client.http import ProblemAnswered, open_client
from keyfold.client.send_options import WAIT_MAX_S, SendOptions
from keyfold.client.settings import CommandSettings
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.settings.base import BadSettings, load

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
CONTEXT: Final = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)

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
    wide: Annotated[
        bool,
        typer.Option(
            "--wide",
            help="Every column, however wide; also away from a terminal, as for less -S.",
            rich_help_panel="Anywhere",
        ),
    ] = False

    def terms(self) -> SendOptions | None:
        """Return how what is asked for is to be done, None for what only reads."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandManner(Manner):
    """What every command takes by which the registry changes something."""

    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            metavar="LENGTH",
            help="How long to wait, at most 30s, until it is in force at every gatekeeper; 3 is the status if"
            " it is not.",
            rich_help_panel="Sending",
        ),
    ] = None
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key",
            help="Your own: the same command again under it is not done again, but answered alike.",
            rich_help_panel="Sending",
        ),
    ] = None

    def terms(self) -> SendOptions:
        """Return the terms of the command. Raises WrongUsage."""
        wait_s = None if self.wait is None else bounded_seconds(self.wait, "--wait", 0, WAIT_MAX_S)
        return SendOptions.of(idempotency_key=self.idempotency_key, wait_s=wait_s)


def command(app: typer.Typer, name: str, *, manner: type[Manner] = Manner) -> Callable[[Body[P]], Body[P]]:
    """Register a coroutine: its docstring is the help, its parameters are the options."""

    def register(body: Body[P]) -> Body[P]:
        app.command(name, help=inspect.getdoc(body))(_runnable(body, manner))
        return body

    return register


def changing(app: typer.Typer, name: str) -> Callable[[Body[P]], Body[P]]:
    """Register a coroutine that gives the registry one command, with the options of how to send it."""
    return command(app, name, manner=CommandManner)


def bare(app: typer.Typer) -> Callable[[Body[P]], Body[P]]:
    """Make a command what its group does when no command is named, with the same options."""

    def register(body: Body[P]) -> Body[P]:
        run = _runnable(body, Manner)
        _, *own_parameters = inspect.signature(run).parameters.items()
        own = dict(own_parameters)

        def run_bare(context: typer.Context, **arguments: Any) -> None:
            if context.invoked_subcommand is None:
                run(context, **arguments)
            elif any(arguments[name] != parameter.default for name, parameter in own.items()):
                # Ignored, they would be filters that do not filter.
                raise typer.BadParameter(f"options go behind {context.invoked_subcommand}")

        vars(run_bare)["__signature__"] = inspect.Signature([CONTEXT, *own.values()])
        app.callback(invoke_without_command=True)(run_bare)
        return body

    return register


def _runnable(body: Callable[..., Awaitable[Shown]], manner_type: type[Manner]) -> Callable[..., None]:
    common = list(inspect.signature(manner_type, eval_str=True).parameters.values())
    own = list(inspect.signature(body, eval_str=True).parameters.values())[1:]

    def run(context: typer.Context, **arguments: Any) -> None:
        typed = Typed.of(context)
        manner = manner_type(**{each.name: arguments.pop(each.name) for each in common})
        _execute(manner, lambda keyfold: body(keyfold, **settled(own, typed.spellings, arguments)), typed)

    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*with_options(own), *common)]
    # Where inspect looks for what a callable takes, and so where typer finds the options.
    vars(run)["__signature__"] = inspect.Signature([CONTEXT, *keywords])
    return run


def _execute(manner: Manner, body: Callable[[Keyfold], Awaitable[Shown]], typed: Typed) -> None:
    try:
        with may_be_closed():
            shown = asyncio.run(_answer(manner, body))
            show(shown, as_json=manner.as_json, wide=manner.wide)
    except BadSettings as bad:
        _end(f"keyfold cannot do that; its settings are wrong:\n{bad}", EXIT_USAGE)
    except ProblemAnswered as refused:
        hint = f" See {typed.listing}." if refused.status == HTTPStatus.NOT_FOUND and typed.listing else ""
        _end(printable(refused.told(typed.place) + hint), EXIT_USAGE if refused.is_usage else EXIT_FAILED)
    except CommandFailed as failed:
        _end(printable(str(failed)), EXIT_USAGE if isinstance(failed, WrongUsage) else EXIT_FAILED)
    if isinstance(shown, Listing | Details) and shown.ending:
        raise typer.Exit(shown.ending)


def _end(why: str, status: int) -> NoReturn:
    sys.stderr.write(f"{why}\n")
    raise typer.Exit(status) from None


async def _answer(manner: Manner, body: Callable[[Keyfold], Awaitable[Shown]]) -> Shown:
    if manner.as_json and manner.wide:
        raise WrongUsage("--json and --wide: say one of them.")
    terms, said = manner.terms(), load(CommandSettings)
    places = find_endpoints(manner.directory, said)
    if places.is_mixed:
        say_target(places.mixture())
    async with open_client(places) as client:
        keyfold = Keyfold(
            places=places,
            client=client,
            role=manner.as_role,
            terms=terms,
            as_json=manner.as_json,
            wide=manner.wide,
            # A stack that is named by option is what is meant, whatever the environment says.
            token=said.token if manner.directory is None else None,
            own_account=said.account,
        )
        shown = await body(keyfold)
    return shown if terms is None or terms.wait_s is None else confirmed(shown, terms.wait_s)
