"""Fetches htmx, the one script of the pages that is not ours, and checks its hash.

It comes as a webjar, through the resolver that also fetches Kafka's jars: into the wheel when that is built,
and into a checkout when its environment is made. Without it every page works, but is always loaded whole.
"""

import hashlib
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

GROUP: Final = "org.webjars.npm"
ARTIFACT: Final = "htmx.org"
VERSION: Final = "2.0.8"
SHA256: Final = "22283ef68cb7545914f0a88a1bdedc7256a703d1d580c1d255217d0a50d31313"
WITHIN: Final = f"META-INF/resources/webjars/{ARTIFACT}/{VERSION}/dist/htmx.min.js"
TARGET: Final = Path(__file__).parent / "static" / "vendor" / "htmx.min.js"


class NotTheScript(Exception):
    """The downloaded file is not the expected one; it was not kept."""


def ensure(target: Path = TARGET) -> None:
    """Fetch the script if it is missing. Raises OSError or NotTheScript."""
    if target.is_file() and _digest(target.read_bytes()) == SHA256:
        return
    content = _fetch()
    if _digest(content) != SHA256:
        raise NotTheScript(f"{ARTIFACT} {VERSION} is not the one that is known")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(target)


def _fetch() -> bytes:
    from jgo.maven import MavenContext  # imported here: a running console does not have it

    with TemporaryDirectory() as directory:
        component = MavenContext(repo_cache=Path(directory)).project(GROUP, ARTIFACT).at_version(VERSION)
        with zipfile.ZipFile(component.artifact().resolve()) as jar:
            return jar.read(WITHIN)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    try:
        ensure()
    except (OSError, RuntimeError, NotTheScript) as fault:
        sys.stderr.write(f"the pages go without {ARTIFACT}, and are loaded whole: {fault}\n")
