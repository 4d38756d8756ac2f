"""A service that may open few files, as a process: `python -m tests.support.runtime.few_files`.

It prints its port. `/file` opens a file, as a journal would, and `/who` wants a token, `Bearer operator`.
"""

import os
import resource
import sys
from typing import Final

from keyfold.runtime.http import Answer, AnyRole, AnyRoute, Public, Request, Route, build_app
from keyfold.runtime.service import Process, run
from keyfold.runtime.settings.base import ServiceSettings
from tests.support.runtime.serving import NamedCallers

FILES: Final = 256
LARGE: Final = b"x" * 1024 * 1024


async def who(_request: Request[None, None]) -> Answer:
    """Answer whoever shows a token."""
    return Answer()


async def file(_request: Request[None, None]) -> Answer:
    """Answer that a file could be opened."""
    os.close(os.open(os.devnull, os.O_RDONLY))
    return Answer()


async def large(_request: Request[None, None]) -> Answer:
    """Answer with more than a connection takes."""
    return Answer(body=LARGE, content_type="text/plain")


ROUTES: Final[tuple[AnyRoute, ...]] = (
    Route(method="GET", path="/who", handler=who, rule=AnyRole(), summary="Who.", status=204),
    Route(method="GET", path="/file", handler=file, rule=Public(), summary="A file.", status=204),
    Route(method="GET", path="/large", handler=large, rule=Public(), summary="Much."),
)


async def start(process: Process[ServiceSettings]) -> None:
    """Serve, and say where."""
    app = build_app("few-files", ROUTES, auth=NamedCallers(), health=process.health)
    sys.stdout.write(f"port {await process.serve(app)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    os.environ["KEYFOLD_HTTP_PORT"] = "0"
    run("few-files", ServiceSettings, start)
