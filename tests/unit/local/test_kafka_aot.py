"""The name of Kafka's cache of linked classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keyfold.local.servers.kafka_aot import Java


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep test files out of the user's own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def runtime(directory: Path, release: str) -> Path:
    """Make the layout of a Java runtime, and return its program."""
    program = directory / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.touch()
    (directory / "release").write_text(release)
    return program


def test_shared(tmp_path: Path) -> None:
    """A user's environments share a cache as long as runtime, jars and settings are the same, only then."""
    jar = tmp_path / "kafka.jar"
    jar.touch()
    here, moved, newer = (
        Java(
            executable=runtime(tmp_path / name, release), class_path=(jar,), log4j="log4j2.xml", properties=""
        )
        for name, release in (("here", "25.0.2"), ("moved", "25.0.2"), ("newer", "25.0.3"))
    )
    assert here.cache == moved.cache != newer.cache
    before = here.cache
    (tmp_path / "other.jar").touch()
    jar = tmp_path / "other.jar"
    assert replace(here, class_path=(jar,)).cache != before
    assert replace(here, properties="authorizer.class.name=…").cache != before
