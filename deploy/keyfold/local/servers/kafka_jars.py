"""Kafka's own jars from Maven Central, always the same and in the same order."""

from __future__ import annotations

import hashlib
import logging
import shutil
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from keyfold.local.extra import CannotRunHere, require_extra
from keyfold.local.servers.cache import cache_dir, hold_lock

KAFKA = "org.apache.kafka:kafka_2.13:4.4.0"
# Kafka logs through slf4j 1.7; without a binding for it the broker would log nothing. It is resolved in its
# own call: in one call, log4j's managed versions leak in, and Kafka's clients get older than its server.
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"

JARS_DIR = "kafka_2.13-4.4.0-log4j-2.25.5"
CHECKSUMS = Path(__file__).with_name("kafka_jars.sha256")
"""What is run and nothing else, as `sha256sum` writes and checks it."""


def class_path() -> list[Path]:
    """Return the jars, each of which is the one that is known. Raises CannotRunHere.

    They are downloaded (43 MB) on first use, and again if one in the cache has changed. They are copied out
    of the resolver's own cache: it may rebuild that at any call, even while a broker of another stack is
    starting from it. That cache is not used afterwards.
    """
    jars = cache_dir() / JARS_DIR
    if find_fault(jars) is not None:
        with hold_lock(JARS_DIR):
            if find_fault(jars) is not None:
                _fetch(jars)
    return [jars / name for name in known_checksums()]


def are_fetched() -> bool:
    """Tell whether the jars have been downloaded."""
    return (cache_dir() / JARS_DIR).exists()


def find_fault(jars: Path | None = None) -> str | None:
    """Return which jar in the cache is missing or has changed, in a sentence; None if all are as known."""
    directory = jars or cache_dir() / JARS_DIR
    for name, checksum in known_checksums().items():
        jar = directory / name
        if not jar.is_file():
            return f"{jar} is missing"
        if _digest(jar) != checksum:
            return f"{jar} is not the jar that Keyfold knows: its SHA-256 is another"
    return None


@cache
def known_checksums() -> Mapping[str, str]:
    """Return the SHA-256 of each jar, in hex, by its name; in the order of the class path."""
    pairs = (line.split() for line in CHECKSUMS.read_text().splitlines())
    return {name: checksum for checksum, name in pairs}


def _fetch(directory: Path) -> None:
    """Put every jar that is missing or has changed into the directory, each in one step."""
    directory.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=directory.parent) as resolvers:
        try:
            resolved = {jar.name: jar for jar in _resolve(Path(resolvers))}
            for name, checksum in known_checksums().items():
                _keep(resolved.get(name), directory / name, checksum)
        except OSError as error:  # also a network error
            raise CannotRunHere(f"Kafka's jars cannot be had from Maven Central: {error}") from error


def _keep(found: Path | None, jar: Path, checksum: str) -> None:
    if found is None or _digest(found) != checksum:
        raise CannotRunHere(
            f"Kafka cannot be run: what Maven Central gives for {jar.name} is not the jar that Keyfold knows"
        )
    if not jar.is_file() or _digest(jar) != checksum:
        draft = jar.with_suffix(".draft")
        shutil.copy2(found, draft)
        draft.replace(jar)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
