"""Where commands find their services."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from services.cli.failure import CommandFailed
from services.cli.places import HTTP_SERVICES, STATE_DIR_NAME, find_places

ENVIRONMENT = {"KEYFOLD_REGISTRY_URL": "https://registry.example/", "KEYFOLD_POSTGRES_DSN": "postgresql://x"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory in which a stack runs."""
    state_dir = tmp_path / "home" / STATE_DIR_NAME
    state_dir.mkdir(parents=True)
    stack: dict[str, object] = {
        service: f"http://127.0.0.1/{service}" for service in (*HTTP_SERVICES, "gateway")
    }
    stack |= {"postgres": "postgresql://local", "postgres_of": {"projection": "postgresql://projection"}}
    stack |= {"kafka": "127.0.0.1:9092"}
    (state_dir / "stack.json").write_bytes(orjson.dumps(stack))
    return state_dir.parent


def test_nearest_stack(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack of the nearest parent directory is found, before anything in the environment."""
    (home / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(home / "deep" / "down")

    places = find_places(None, ENVIRONMENT)

    assert places.state_dir == home / STATE_DIR_NAME
    assert places.url("registry") == "http://127.0.0.1/registry"
    assert places.postgres_dsn == "postgresql://local"
    assert places.postgres_of("projection") == "postgresql://projection"


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no stack runs the environment says, and what it does not say is asked for by name."""
    monkeypatch.chdir(tmp_path)

    places = find_places(None, ENVIRONMENT)

    assert places.state_dir is None
    assert places.url("registry") == "https://registry.example"
    assert places.postgres_of("projection") == "postgresql://x"
    with pytest.raises(CommandFailed, match="set KEYFOLD_AUDIT_URL"):
        places.url("audit")


@pytest.mark.parametrize("named", ["home", f"home/{STATE_DIR_NAME}"])
def test_named(home: Path, named: str) -> None:
    """A named directory counts, by argument or by KEYFOLD_DIR, with or without the state directory."""
    directory = home.parent / named

    by_argument, by_variable = (
        find_places(directory, ENVIRONMENT),
        find_places(None, {"KEYFOLD_DIR": str(directory)}),
    )

    assert by_argument == by_variable
    assert by_argument.state_dir == home / STATE_DIR_NAME


def test_named_in_vain(tmp_path: Path) -> None:
    """A directory that is named and has no stack is a failure, whatever the environment says."""
    with pytest.raises(CommandFailed, match="No local stack runs in"):
        find_places(tmp_path, ENVIRONMENT)


def test_broken_record(home: Path) -> None:
    """A record that is no stack's is a sentence, not a traceback."""
    (home / STATE_DIR_NAME / "stack.json").write_bytes(b"{")

    with pytest.raises(CommandFailed, match="cannot be read"):
        find_places(home, {})
