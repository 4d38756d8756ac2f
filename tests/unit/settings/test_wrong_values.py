"""Every setting of every part with every kind of wrong value: one line that says which, what and how else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from keyfold.cli import app
from keyfold.runtime.service import EXIT_BAD_SETTINGS, run
from keyfold.runtime.settings.base import PREFIX, load
from tests.support.settings.services import EVERY_PART, PASSWORD, SECRET, SERVICES, good, variables
from tests.support.settings.wrong_values import wrong_values

ROOT = Path(__file__).parents[3]
KEYFOLD = get_command(app)
FAULT = re.compile(r"(?P<variable>KEYFOLD_[A-Z_]+): .+; it must be .+")


SETTINGS = [(part, name) for part, settings in EVERY_PART.items() for name in settings.model_fields]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which every part can work."""
    return good(tmp_path_factory.mktemp("good"))


@pytest.fixture(autouse=True)
def _given(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [each for each in os.environ if each.startswith((PREFIX, "PG"))]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def told(part: str, capsys: pytest.CaptureFixture[str]) -> tuple[object, list[str]]:
    """Start a part as its process does; return the exit status and what it says on standard error."""

    async def start(_process: object) -> None:
        raise AssertionError("it started")

    with pytest.raises(SystemExit) as exited:
        if part == "keyfold":
            KEYFOLD.main(["status"], prog_name=part)
        run(part, SERVICES[part], start)
    return exited.value.code, capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(("part", "name"), SETTINGS)
def test_wrong_value(
    part: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A wrong value is told in one line: its variable, what is wrong, what is right; never the value."""
    variable, badly_told = PREFIX + name.upper(), {}
    for wrong in wrong_values(name, EVERY_PART[part].model_fields[name]):
        value = wrong if isinstance(wrong, str) else wrong(tmp_path)
        monkeypatch.setenv(variable, value)
        status, (_, *faults) = told(part, capsys)
        if not (status == EXIT_BAD_SETTINGS and len(faults) == 1 and is_well_told(variable, faults[0])):
            badly_told[value] = (status, faults)

    assert badly_told == {}


def is_well_told(variable: str, fault: str) -> bool:
    """Tell whether a line names its variable, what is wrong and what is right, and nothing that is secret."""
    found = FAULT.fullmatch(fault)
    is_named = found is not None and found["variable"] == variable
    return is_named and not any(secret in fault for secret in (PASSWORD, SECRET[:7], "w#rd"))


@pytest.mark.parametrize("part", EVERY_PART)
def test_all_at_once(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All faults are told together, a line each, in the order of their names."""
    for variable in (wanted := variables(EVERY_PART[part])):
        monkeypatch.setenv(variable, " ")

    status, (_, *faults) = told(part, capsys)

    assert status == EXIT_BAD_SETTINGS
    assert [fault.partition(":")[0] for fault in faults] == sorted(wanted)


@pytest.mark.parametrize("part", EVERY_PART)
def test_ends_of_line_and_byte_order_marks(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    """Files are read alike whichever editor has written them: with CRLF, or with a byte order mark."""
    for variable in variables(EVERY_PART[part]) & environment.keys():
        original = Path(environment[variable])
        if original.is_file():
            copy = tmp_path / original.name
            copy.write_bytes(b"\xef\xbb\xbf" + original.read_bytes().replace(b"\n", b"\r\n"))
            monkeypatch.setenv(variable, str(copy))

    load(EVERY_PART[part])


def test_two_settings_that_exclude_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What each would be right alone and cannot be together is told too."""
    monkeypatch.setenv("KEYFOLD_HTTP_PORT", "9000")
    monkeypatch.setenv("KEYFOLD_AUTHZ_PORT", "9000")

    status, (_, *faults) = told("gatekeeper", capsys)

    assert status == EXIT_BAD_SETTINGS
    assert [fault.partition(";")[0] for fault in faults] == [
        "KEYFOLD_AUTHZ_PORT: it is KEYFOLD_HTTP_PORT too"
    ]


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({"OIDC_ISSUER": None}, ["KEYFOLD_OIDC_ISSUER: it is not set, and it is how people sign in"]),
        ({"OIDC_CLIENT_ID": None}, ["KEYFOLD_OIDC_CLIENT_ID: it is not set, and the provider asks for it"]),
        (
            {"LOCAL_PEOPLE": "", "HTTP_HOST": "127.0.0.1"},
            ["KEYFOLD_LOCAL_PEOPLE: it lets anybody in, and this console is not for this machine alone"],
        ),
        (
            {"LOCAL_PEOPLE": "", "CONSOLE_URL": "http://localhost:8080", "HTTP_HOST": "0.0.0.0"},
            ["KEYFOLD_LOCAL_PEOPLE: it lets anybody in, and this console is not for this machine alone"],
        ),
        (
            {"LOCAL_PEOPLE": "", "CONSOLE_URL": "http://localhost:8080"},
            ["KEYFOLD_OIDC_ISSUER: KEYFOLD_LOCAL_PEOPLE is set too"],
        ),
    ],
)
def test_ways_to_sign_in(
    given: dict[str, str | None],
    faults: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A console has one way to sign in, and sample people on a machine's own address alone."""
    people = tmp_path / "people.json"
    people.write_text('{"issuer": "a", "audience": "b", "signing_key": "c", "key_id": "d"}')
    for name, value in given.items():
        if value is None:
            monkeypatch.delenv(f"KEYFOLD_{name}")
        else:
            monkeypatch.setenv(f"KEYFOLD_{name}", value or str(people))

    status, (_, *told_of) = told("console", capsys)

    assert status == EXIT_BAD_SETTINGS
    assert [fault.partition(";")[0] for fault in told_of] == faults


@pytest.mark.parametrize("part", ["gatekeeper", "keyfold"])
def test_process(part: str, environment: dict[str, str], tmp_path: Path) -> None:
    """The processes themselves say it so, and nothing else."""
    program = [f"keyfold.{part}"] if part in SERVICES else ["keyfold.cli", "status"]
    wrong = {"KEYFOLD_POSTGRES_DSN": f"postgresql://u:p@{PASSWORD}/w#rd@h/db", "KEYFOLD_KAFKA_BOOTSTRAP": "h"}
    ended = subprocess.run(
        [sys.executable, "-m", *program],
        env={**os.environ, **environment, **wrong, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    _, *faults = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (EXIT_BAD_SETTINGS, "")
    assert [fault.partition(":")[0] for fault in faults] == [
        "KEYFOLD_KAFKA_BOOTSTRAP",
        "KEYFOLD_POSTGRES_DSN",
    ]
    assert all(map(is_well_told, sorted(wrong), faults))
