"""Commands forked with all modules imported: importing takes longer than most commands do."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["keyfold.cli", __name__])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """Return what was printed, as JSON."""
        return orjson.loads(self.out)


def run_forked(arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> Ended:
    """Run `keyfold` in a process of its own, in that directory and environment; return how it ended."""
    with TemporaryDirectory() as scratch:
        out, err = Path(scratch) / "out", Path(scratch) / "err"
        process = _CONTEXT.Process(
            target=_keyfold, args=(tuple(arguments), cwd, dict(environment), out, err), name="keyfold"
        )
        process.start()
        process.join()
        return Ended(status=process.exitcode or 0, out=out.read_text(), err=err.read_text())


def _keyfold(
    arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], out: Path, err: Path
) -> None:
    from keyfold.cli import main

    for path, descriptor in ((out, 1), (err, 2)):
        written = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(written, descriptor)
        os.close(written)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["keyfold", *arguments]
    main()
