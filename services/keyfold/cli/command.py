"""Coroutines as commands: each gets the services, its answer is shown, and its failure is one sentence."""

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

from keyfold.cli.confirmation import add_confirmation
from keyfold.cli.faults import Typed
from keyfold.cli.keyfold import Keyfold, say_target
from keyfold.cli.screen import Details, Listing, Shown, printable, show
from keyfold.cli.screen.streams import tolerate_closed_pipe
from keyfold.cli.spelling import add_id_options, merge_ids
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
    """The options that every command has beside its own; each field is named as its option."""

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
        typer.Option("--json", help="JSON, even on a terminal.", rich_help_panel="Anywhere"),
    ] = False
    wide: Annotated[
        bool,
        typer.Option(
            "--wide",
            help="All columns, however wide; in a pipe too, as for less -S.",
            rich_help_panel="Anywhere",
        ),
    ] = False

    def send_options(self) -> SendOptions | None:
        """Return how to send the command, None for one that only reads."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandManner(Manner):
    """The options of every command with which the registry changes something."""

    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            metavar="LENGTH",
            help="Wait until it is in force at every gatekeeper, at most 30s; the exit status is 3 if it is"
            " not by then.",
            rich_help_panel="Sending",
        ),
    ] = None
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key",
            help="A key of your own: the same command sent again with it is done once, and answered alike.",
            rich_help_panel="Sending",
        ),
    ] = None

    def send_options(self) -> SendOptions:
        """Return how to send the command. Raises WrongUsage."""
        wait_s = None if self.wait is None else bounded_seconds(self.wait, "--wait", 0, WAIT_MAX_S)
        return SendOptions.of(idempotency_key=self.idempotency_key, wait_s=wait_s)


def command(app: typer.Typer, name: str, *, manner: type[Manner] = Manner) -> Callable[[Body[P]], Body[P]]:
    """Register a coroutine: its docstring is the help, its parameters are the options."""

    def register(body: Body[P]) -> Body[P]:
        app.command(name, help=inspect.getdoc(body))(_make_runnable(body, manner))
        return body

    return register


def changing(app: typer.Typer, name: str) -> Callable[[Body[P]], Body[P]]:
    """Register a coroutine that sends the registry one command, with the options for sending it."""
    return command(app, name, manner=CommandManner)


def bare(app: typer.Typer) -> Callable[[Body[P]], Body[P]]:
    """Make a command the one that its group runs when no command is named, with the same options."""

    def register(body: Body[P]) -> Body[P]:
        run = _make_runnable(body, Manner)
        _, *own_parameters = inspect.signature(run).parameters.items()
        own = dict(own_parameters)

        def run_bare(context: typer.Context, **arguments: Any) -> None:
            if context.invoked_subcommand is None:
                run(context, **arguments)
            elif any(arguments[name] != parameter.default for name, parameter in own.items()):
                # If they were ignored, filters would not filter.
                raise typer.BadParameter(f"options go behind {context.invoked_subcommand}")

        vars(run_bare)["__signature__"] = inspect.Signature([CONTEXT, *own.values()])
        app.callback(invoke_without_command=True)(run_bare)
        return body

    return register


def _make_runnable(body: Callable[..., Awaitable[Shown]], manner_type: type[Manner]) -> Callable[..., None]:
    common = list(inspect.signature(manner_type, eval_str=True).parameters.values())
    own = list(inspect.signature(body, eval_str=True).parameters.values())[1:]

    def run(context: typer.Context, **arguments: Any) -> None:
        typed = Typed.of(context)
        manner = manner_type(**{each.name: arguments.pop(each.name) for each in common})
        _execute(manner, lambda keyfold: body(keyfold, **merge_ids(own, typed.spellings, arguments)), typed)

    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*add_id_options(own), *common)]
    # inspect reads a callable's parameters here, and so typer finds the options.
    vars(run)["__signature__"] = inspect.Signature([CONTEXT, *keywords])
    return run


def _execute(manner: Manner, body: Callable[[Keyfold], Awaitable[Shown]], typed: Typed) -> None:
    try:
        with tolerate_closed_pipe():
            shown = asyncio.run(_answer(manner, body))
            show(shown, as_json=manner.as_json, wide=manner.wide)
    except BadSettings as bad:
        _end(f"keyfold cannot do that; its settings are wrong:\n{bad}", EXIT_USAGE)
    except ProblemAnswered as refused:
        hint = f" See {typed.listing}." if refused.status == HTTPStatus.NOT_FOUND and typed.listing else ""
        _end(printable(refused.describe(typed.place) + hint), EXIT_USAGE if refused.is_usage else EXIT_FAILED)
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
    send_options, said = manner.send_options(), load(CommandSettings)
    endpoints = find_endpoints(manner.directory, said)
    if endpoints.is_mixed:
        say_target(endpoints.mixture())
    async with open_client(endpoints) as client:
        keyfold = Keyfold(
            endpoints=endpoints,
            client=client,
            role=manner.as_role,
            send_options=send_options,
            as_json=manner.as_json,
            wide=manner.wide,
            # A stack that an option names takes precedence over the environment.
            token=said.token if manner.directory is None else None,
            own_account=said.account,
        )
        shown = await body(keyfold)
    return (
        shown
        if send_options is None or send_options.wait_s is None
        else add_confirmation(shown, send_options.wait_s)
    )
