"""`keyfold routes check`: what a map says is told without any service, and the exit status says whether it is
well."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from keyfold.cli import app

SOUND = "/v1/patient/** patient\n/v1/patient/{id}/note clinical\nPOST /login public\n"


def check(content: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Check a map with this content, and return the exit status and the answer."""
    Path("some.routes").write_text(content)
    ended = CliRunner().invoke(app, ["routes", "check", "some.routes", *options])
    return ended.exit_code, json.loads(ended.stdout)


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where no local stack is."""
    monkeypatch.chdir(tmp_path)


def test_a_sound_map() -> None:
    """Nothing is wrong, and what its author may not mean is told."""
    status, answer = check(SOUND)
    assert (status, answer["sound"], answer["faults"]) == (0, True, [])
    assert [each["line"] for each in answer["warnings"]] == [2, 3]
    assert "ends with a slash is denied, as line 1" in answer["warnings"][0]["warning"]


def test_a_broken_map() -> None:
    """Every fault is told with its line, and a request is not looked at."""
    broken = "/v1/note patient\n/v1/note.json clinical\n/v1/x teeth\n"
    status, answer = check(broken, "--request", "GET /v1/note")
    assert (status, answer["sound"], answer["requests"]) == (1, False, [])
    assert [each["line"] for each in answer["faults"]] == [2, 3]


@pytest.mark.parametrize(
    ("request_line", "status", "outcome", "lines"),
    [
        ("GET /v1/patient/7", 0, "patient read", [1]),
        ("PUT /v1/patient/7/note?x=1", 0, "clinical write", [2]),
        ("POST /login", 0, "public", [3]),
        ("GET /v1/patient/7/note.json", 1, "ambiguous_request", [1, 2]),
        ("GET /v1//patient", 1, "ambiguous_request", []),
        ("GET /login", 1, "unmapped_route", []),
    ],
)
def test_a_request(request_line: str, status: int, outcome: str, lines: list[int]) -> None:
    """What a request comes to is told with the lines that say so; 1 if it would be denied under any key."""
    told = {"request": request_line, "comes_to": outcome, "lines": lines}
    assert check(SOUND, "--request", request_line) == (
        status,
        {"file": "some.routes", "sound": True, "faults": [], "warnings": [], "requests": [told]},
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no.routes"], "no.routes: it cannot be read"),
        (["empty.routes"], "empty.routes: the file is empty"),
        (["latin.routes"], "latin.routes: it is not UTF-8"),
        (["latin.routes", "--request", "/v1/x"], "--request: '/v1/x' is no request"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    """A file that is none, and a request that is none, are told in one line."""
    Path("empty.routes").write_text("\n")
    Path("latin.routes").write_bytes(b"# \xe9\n")
    ended = CliRunner().invoke(app, ["routes", "check", *arguments])
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith(words) and ended.stderr.count("\n") == 1
