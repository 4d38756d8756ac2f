"""A command prints its own words, and nothing that a library logs."""

from __future__ import annotations

from pathlib import Path

from keyfold.local.process.ports import HOST, free_ports
from tests.support.seals import write_trusted
from tests.support.stack.running import keyfold
from tests.support.state_secret import write_state_secret

NO_LOG = ('"level"', '"event"', "Traceback", "Applying")


async def test_migrate(tmp_path: Path, empty_database: str) -> None:
    """Migrating an empty database prints that it is up to date, without a warning for each migration."""
    done = await keyfold("migrate", cwd=tmp_path, settings={"KEYFOLD_POSTGRES_DSN": empty_database})

    assert done.status == 0, done.err
    assert not [word for word in NO_LOG if word in done.err]


async def test_kafka_away(tmp_path: Path) -> None:
    """When the broker is away, the command says so in one sentence, without the driver's own log."""
    (port,) = free_ports(1)
    settings = {"KEYFOLD_KAFKA_BOOTSTRAP": f"{HOST}:{port}", "KEYFOLD_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
    failed = await keyfold("dead-letter", "list", cwd=tmp_path, settings=settings)

    assert failed.status == 1
    assert "The dead letters cannot be read" in failed.err
    assert not [word for word in NO_LOG if word in failed.err]


async def test_failed_replay(tmp_path: Path, database: str) -> None:
    """A replay that fails says why in one sentence, without its program's log."""
    (port,) = free_ports(1)
    settings = {
        "KEYFOLD_POSTGRES_DSN": database,
        "KEYFOLD_KAFKA_BOOTSTRAP": f"{HOST}:{port}",
        "KEYFOLD_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
        "KEYFOLD_STATE_SECRET": str(write_state_secret(tmp_path)),
        "KEYFOLD_SEAL_PUBLIC_KEYS": str(write_trusted(tmp_path)),
        "KEYFOLD_STARTUP_TIMEOUT_S": "0.5",
    }
    failed = await keyfold("replay", cwd=tmp_path, settings=settings)

    assert failed.status == 1
    assert "The replay failed: " in failed.err
    assert "Kafka" in failed.err.partition("The replay failed: ")[2]
    assert not [word for word in NO_LOG if word in failed.err]
