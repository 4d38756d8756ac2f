"""Where commands find their services."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from keyfold.client.endpoints import HTTP_SERVICES, STATE_DIR_NAME, find_endpoints
from keyfold.client.failure import CommandFailed
from keyfold.client.settings import CommandSettings
from keyfold.runtime.settings.base import load
from keyfold.runtime.settings.kafka import KafkaAccess
from tests.support.cli.stack_record import KAFKA_PASSWORD, write_record

DSN = "postgresql://keyfold:hunter2@localhost/elsewhere"
ENVIRONMENT = {"KEYFOLD_REGISTRY_URL": "https://registry.example/", "KEYFOLD_POSTGRES_DSN": DSN}


def read_settings(environment: Mapping[str, str]) -> CommandSettings:
    """Return the settings of an environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return load(CommandSettings)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory in which a stack runs."""
    state_dir = tmp_path / "home" / STATE_DIR_NAME
    state_dir.mkdir(parents=True)
    urls = {service: f"http://127.0.0.1/{service}" for service in (*HTTP_SERVICES, "gateway")}
    dsns = {"projection": "postgresql://projection/keyfold"}
    write_record(state_dir, urls, postgres_of=dsns, kafka="127.0.0.1:9092")
    return state_dir.parent


@pytest.fixture
def deep(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory somewhere below one in which a stack runs."""
    (home / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(home / "deep" / "down")
    return home


def test_nearest_stack(deep: Path) -> None:
    """Without any setting, everything comes from the stack of the nearest parent directory."""
    endpoints = find_endpoints(None, read_settings({}))

    assert endpoints.state_dir == deep / STATE_DIR_NAME
    assert endpoints.url("registry") == "http://127.0.0.1/registry"
    assert endpoints.postgres_dsn == "postgresql://local/keyfold"
    assert endpoints.postgres_of("projection") == "postgresql://projection/keyfold"
    assert endpoints.database_at() == f"keyfold at local:5432 (local stack in {deep / STATE_DIR_NAME})"
    assert not endpoints.is_mixed


@pytest.mark.parametrize("named_by", ["directory", "KEYFOLD_DIR"])
def test_what_is_said_wins(deep: Path, named_by: str) -> None:
    """Each address in the environment takes precedence over a local stack's, and only that one."""
    directory = {"KEYFOLD_DIR": str(deep)} if named_by == "KEYFOLD_DIR" else {}
    endpoints = find_endpoints(None, read_settings({**ENVIRONMENT, **directory}))

    assert endpoints.url("registry") == "https://registry.example"
    assert endpoints.url("audit") == "http://127.0.0.1/audit"
    assert endpoints.postgres_dsn == endpoints.postgres_of("projection") == DSN
    assert endpoints.kafka == endpoints.kafka_as("relay") == _kafka("admin")
    assert endpoints.kafka_as("projection") == _kafka("projection")
    assert endpoints.database_at() == "elsewhere at localhost:5432 (KEYFOLD_POSTGRES_DSN)"
    assert endpoints.mixture().startswith(
        "KEYFOLD_POSTGRES_DSN, KEYFOLD_REGISTRY_URL as the environment says;"
    )


def _kafka(user: str) -> KafkaAccess:
    return KafkaAccess(
        bootstrap="127.0.0.1:9092",
        protocol="SASL_PLAINTEXT",
        mechanism="SCRAM-SHA-256",
        username=user,
        password=KAFKA_PASSWORD,
    )


def test_option_wins(home: Path) -> None:
    """An option takes precedence over the environment: the stack that it names supplies everything."""
    endpoints = find_endpoints(home, read_settings(ENVIRONMENT))

    assert endpoints.postgres_dsn == "postgresql://local/keyfold"
    assert endpoints.url("registry") == "http://127.0.0.1/registry"
    assert not endpoints.is_mixed


def test_broken_record_of_what_nobody_needs(deep: Path) -> None:
    """A stack that is just stopping does not matter if the environment says where to go."""
    (deep / STATE_DIR_NAME / "stack.json").write_bytes(b"{")

    assert find_endpoints(None, read_settings(ENVIRONMENT)).postgres_dsn == DSN


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a stack the environment supplies the addresses, and a missing one is asked for by name."""
    monkeypatch.chdir(tmp_path)

    endpoints = find_endpoints(None, read_settings(ENVIRONMENT))

    assert endpoints.state_dir is None
    assert endpoints.url("registry") == "https://registry.example"
    assert endpoints.postgres_of("projection") == DSN
    with pytest.raises(CommandFailed, match="set KEYFOLD_AUDIT_URL"):
        endpoints.url("audit")


@pytest.mark.parametrize("named", ["home", f"home/{STATE_DIR_NAME}"])
def test_named(home: Path, named: str) -> None:
    """A named directory is used, by option or by KEYFOLD_DIR, with or without the state directory."""
    directory = home.parent / named

    by_argument, by_variable = (
        find_endpoints(directory, read_settings(ENVIRONMENT)),
        find_endpoints(None, read_settings({"KEYFOLD_DIR": str(directory)})),
    )

    assert by_argument == by_variable
    assert by_argument.state_dir == home / STATE_DIR_NAME


@pytest.mark.parametrize("name", ["", "none", "x" * 300])
def test_named_in_vain(tmp_path: Path, name: str) -> None:
    """A named directory without a stack is a failure, whatever the environment says."""
    with pytest.raises(CommandFailed, match="No local stack runs in"):
        find_endpoints(tmp_path / name, read_settings(ENVIRONMENT))


def test_broken_record(home: Path) -> None:
    """A record that is not a stack's gives a sentence, not a traceback."""
    (home / STATE_DIR_NAME / "stack.json").write_bytes(b"{")

    with pytest.raises(CommandFailed, match="cannot be read"):
        find_endpoints(home, read_settings({}))
