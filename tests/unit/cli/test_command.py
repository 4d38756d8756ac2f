"""How commands end, whatever they do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from keyfold.cli.command import bare, command
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Line
from keyfold.client.failure import CommandFailed, WrongUsage
from keyfold.local.signing import OPERATOR

Colour = Annotated[str, typer.Option("--colour")]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """A few commands, away from any stack."""
    monkeypatch.chdir(tmp_path)
    app, paint = typer.Typer(), typer.Typer()
    app.add_typer(paint, name="paint")

    @bare(paint)
    @command(paint, "list")
    async def list_paint(keyfold: Keyfold, colour: Colour = "any") -> Line:
        """List paint."""
        return Line(f"{colour} {keyfold.role or 'nobody'}")

    @command(paint, "fail")
    async def fail(keyfold: Keyfold) -> Line:
        """Fail."""
        raise CommandFailed("There is no paint.")

    @command(paint, "misuse")
    async def misuse(keyfold: Keyfold) -> Line:
        """Be used wrongly."""
        raise WrongUsage("Which paint?")

    @command(paint, "bearer")
    async def bearer(keyfold: Keyfold) -> Line:
        """Show which token the services would get."""
        return Line(keyfold.bearer(OPERATOR))

    return app


@pytest.mark.parametrize(
    ("line", "status", "out", "err"),
    [
        ("paint list --colour red", 0, "red nobody\n", ""),
        ("paint --colour red", 0, "red nobody\n", ""),
        ("paint", 0, "any nobody\n", ""),
        ("paint list --as operator --json", 0, "any operator\n", ""),
        ("paint fail", 1, "", "There is no paint.\n"),
        ("paint misuse", 2, "", "Which paint?\n"),
    ],
)
def test_ends(app: typer.Typer, line: str, status: int, out: str, err: str) -> None:
    """A command shows its answer, or fails in one sentence with the status that says whose fault it was."""
    ended = CliRunner().invoke(app, line.split())

    assert (ended.exit_code, ended.stdout, ended.stderr) == (status, out, err)


@pytest.mark.parametrize(
    "line", ["paint --colour red list", "paint list --as nobody", "paint list --dir /none"]
)
def test_refused(app: typer.Typer, line: str) -> None:
    """Options that would be ignored, roles that do not exist and directories without a stack are refused."""
    assert CliRunner().invoke(app, line.split()).exit_code != 0


def test_token_from_environment(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from a local stack, the token comes from the environment; if it is missing, the error names it."""
    asked = CliRunner().invoke(app, ["paint", "bearer"])
    assert "set KEYFOLD_TOKEN" in asked.stderr

    monkeypatch.setenv("KEYFOLD_TOKEN", "mine")
    assert CliRunner().invoke(app, ["paint", "bearer"]).stdout == "mine\n"
