"""Java's command line for Kafka, with a cache of linked classes that makes a start three times faster."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from keyfold.local.servers.cache import cache_dir

BROKER = "kafka.Kafka"
HEAP = "-Xmx384m"
NICE = ("nice", "-n", "19")
# For code that runs a few minutes on two cores, it is best to compile quickly rather than well.
QUICK_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
CACHE_NAME = "kafka.aot"


class Purpose(Enum):
    """What a broker is for: to start quickly, to be measured, or to write the cache when it ends."""

    QUICK = "quick"
    BENCHMARK = "benchmark"
    TRAINING = "training"


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """A Java runtime with Kafka on its class path, run in the directory of its configuration.

    `properties` decide which classes a broker needs.
    """

    executable: Path
    class_path: Sequence[Path]
    log4j: str
    properties: str

    def run(self, main_class: str, *arguments: str, options: Sequence[str] = QUICK_OPTIONS) -> list[str]:
        """Return the argument list that runs a class."""
        path = os.pathsep.join(str(jar) for jar in self.class_path)
        log4j = f"-Dlog4j2.configurationFile={self.log4j}"
        return [str(self.executable), HEAP, *options, log4j, "-cp", path, main_class, *arguments]

    def broker(self, properties: str, purpose: Purpose) -> list[str]:
        """Return the argument list that runs the broker."""
        if purpose is Purpose.BENCHMARK:
            return self.run(BROKER, properties, options=())
        if purpose is Purpose.TRAINING:
            output = f"-XX:AOTCacheOutput={CACHE_NAME}"
            return [*NICE, *self.run(BROKER, properties, options=(*QUICK_OPTIONS, output))]
        return self.quick(BROKER, properties)

    def quick(self, main_class: str, *arguments: str) -> list[str]:
        """Return the argument list that runs a class, with the cache if there is one."""
        cached = (f"-XX:AOTCache={self.cache}",) if self.cache.exists() else ()
        return self.run(main_class, *arguments, options=(*QUICK_OPTIONS, *cached))

    @property
    def cache(self) -> Path:
        """The path of the cache, once per user; its name is a hash of what it was made from.

        The runtime's release is hashed, not its path, as every clone of the repository has its own copy.
        """
        release = (self.executable.parents[1] / "release").read_text()
        stamps = [release, self.properties, *(f"{jar}:{jar.stat().st_mtime_ns}" for jar in self.class_path)]
        fingerprint = hashlib.sha256("\n".join(stamps).encode()).hexdigest()[:16]
        return cache_dir() / f"kafka-{fingerprint}.aot"


def keep_cache(directory: Path, cache: Path) -> None:
    """Move a cache that was written to a directory to where later starts find it, in one step."""
    written = directory / CACHE_NAME
    if written.exists():
        draft = cache.with_suffix(".draft")
        shutil.move(written, draft)
        draft.replace(cache)
