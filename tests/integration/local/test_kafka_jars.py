"""Kafka's jars run only as they are known: what has changed in the cache, or on the way, is not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from keyfold.local.extra import CannotRunHere
from keyfold.local.servers import kafka_jars
from keyfold.local.servers.kafka_jars import JARS_DIR, class_path, find_fault

CHANGED = "kafka-clients-4.4.0.jar"


@pytest.fixture
def published() -> list[Path]:
    """What Maven Central gives: the user's own cache has it."""
    return class_path()


@pytest.fixture
def cached(tmp_path: Path, published: list[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another cache with the same jars, one of which has one other bit; the resolver needs no network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    directory = tmp_path / "keyfold" / JARS_DIR
    directory.mkdir(parents=True)
    for jar in published:
        (directory / jar.name).symlink_to(jar)
    flip_a_bit(directory / CHANGED)
    return directory


def flip_a_bit(jar: Path) -> None:
    """Change a jar where it is, and nowhere else that it is linked from."""
    content = bytearray(jar.read_bytes())
    content[len(content) // 2] ^= 1
    jar.unlink()
    jar.write_bytes(content)


def resolves(monkeypatch: pytest.MonkeyPatch, jars: list[Path]) -> None:
    """Let the resolver find these jars."""
    monkeypatch.setattr(kafka_jars, "_resolve", lambda _directory: jars)


def test_a_changed_jar_in_the_cache(
    cached: Path, published: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named in a line, and fetched again; the others stay as they are, and what is added is not run."""
    kept = {jar.name: jar.stat().st_ino for jar in cached.iterdir()}
    (cached / "aaa-1.0.jar").write_bytes(b"not Kafka's")
    assert find_fault() == f"{cached / CHANGED} is not the jar that Keyfold knows: its SHA-256 is another"
    resolves(monkeypatch, published)
    assert class_path() == [cached / jar.name for jar in published]
    assert find_fault() is None
    assert {jar.name for jar in class_path() if jar.stat().st_ino != kept[jar.name]} == {CHANGED}


def test_a_changed_jar_on_the_way(
    cached: Path, published: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Maven Central gives is refused in a line if it is not what is known, and is not kept."""
    (cached / CHANGED).rename(elsewhere := cached.parent / CHANGED)
    resolves(monkeypatch, [elsewhere if jar.name == CHANGED else jar for jar in published])
    with pytest.raises(CannotRunHere, match=rf"\AKafka cannot be run: .*{CHANGED} is not the jar .* knows\Z"):
        class_path()
    assert find_fault() == f"{cached / CHANGED} is missing"
