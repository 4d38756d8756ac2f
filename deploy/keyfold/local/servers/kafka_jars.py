"""Kafka's own jars from Maven Central, always in the same order."""

from __future__ import annotations

import logging
import shutil
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from keyfold.local.extra import CannotRunHere, require_extra
from keyfold.local.servers.cache import cache_dir, hold_lock

KAFKA = "org.apache.kafka:kafka_2.13:4.4.0"
# Kafka logs through slf4j 1.7; without a binding for it the broker would log nothing. It is resolved in its
# own call: in one call, log4j's managed versions leak in, and Kafka's clients get older than its server.
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"

JARS_DIR = "kafka_2.13-4.4.0-log4j-2.25.5"


def class_path() -> list[Path]:
    """Return the jars, downloaded on first use (43 MB). Raises CannotRunHere.

    They are copied out of the resolver's own cache: it may rebuild that at any call, even while a broker of
    another stack is starting from it. That cache is not used afterwards.
    """
    jars = cache_dir() / JARS_DIR
    if not jars.exists():
        with hold_lock(JARS_DIR):
            if not jars.exists():
                _fetch(jars)
    return sorted(jars.glob("*.jar"))


def are_fetched() -> bool:
    """Tell whether the jars have been downloaded."""
    return (cache_dir() / JARS_DIR).exists()


def _fetch(directory: Path) -> None:
    draft = directory.with_name(f"{directory.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    with TemporaryDirectory(dir=directory.parent) as resolvers:
        try:
            for jar in _resolve(Path(resolvers)):
                shutil.copy2(jar, draft)
        except OSError as error:  # also a network error
            raise CannotRunHere(f"Kafka's jars cannot be had from Maven Central: {error}") from error
    draft.rename(directory)  # whole or not at all


def _resolve(directory: Path) -> list[Path]:
    """Return the jars that the resolver puts in a directory; of a jar that both name, Kafka's version."""
    require_extra()
    from jgo.env import EnvironmentBuilder  # imported here: it is slow, and part of the extra
    from jgo.maven import MavenContext

    logging.getLogger("jgo").setLevel(logging.ERROR)  # it warns of every jar that is not a module
    context = MavenContext(repo_cache=directory / "repository")
    builder = EnvironmentBuilder(context, cache_dir=directory / "environments")
    jars: dict[str, Path] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for coordinates in (KAFKA, LOGGING):
            built = builder.from_endpoint(coordinates)
            for jar in (*built.class_path_jars, *built.module_path_jars):
                jars.setdefault(artifact(jar), jar)
    return list(jars.values())


def artifact(jar: Path) -> str:
    """Return the name of a jar without its version."""
    return jar.stem.rpartition("-")[0]


def version(jar: Path) -> str:
    """Return the version in the name of a jar."""
    return jar.stem.rpartition("-")[2]
