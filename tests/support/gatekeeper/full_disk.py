"""A disk that is really full: a small tmpfs if one can be mounted, else the kernel's limit on file sizes."""

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SIZE_BYTES = 128 * 1024
_BALLAST = "ballast"


@dataclass(frozen=True, slots=True)
class Disk:
    """A directory on a disk that can be filled and freed."""

    path: Path
    is_mounted: bool

    def fill(self) -> None:
        """Leave a few bytes of room, too few for what comes next."""
        if not self.is_mounted:
            used = sum(each.stat().st_size for each in self.path.rglob("*.journal"))
            _limit(used + 100)
            return
        with (self.path / _BALLAST).open("wb", buffering=0) as ballast:
            try:
                while ballast.write(bytes(512)):
                    pass
            except OSError:
                return

    def free(self) -> None:
        """Make room again."""
        if self.is_mounted:
            (self.path / _BALLAST).unlink()
        else:
            _limit(resource.RLIM_INFINITY)


@contextmanager
def small_disk(directory: Path) -> Iterator[Disk]:
    """Yield a disk of 128 KiB."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(directory)]
    is_mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield Disk(directory, is_mounted)
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(directory)], check=True)
        else:
            _limit(resource.RLIM_INFINITY)


def _limit(size_bytes: int) -> None:
    # Python ignores SIGXFSZ, so that a write beyond the limit fails with EFBIG, or comes out short.
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
