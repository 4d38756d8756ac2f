"""Logs: a constant event name and keywords, one JSON object a line in production, colours on a terminal."""

import json
import logging
import sys
from collections.abc import Sequence
from typing import Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from keyfold.runtime.clock import SYSTEM_CLOCK

_LIBRARIES: Final = ("aiohttp", "aiokafka", "asyncpg", "asyncio")
_REPEAT_INTERVAL_S: Final = 30.0


def configure(*, service: str, level: str = "info", style: str = "auto", stream: TextIO = sys.stderr) -> None:
    """Send every log line of the process, including those of libraries, to ``stream``.

    ``style`` is ``json``, ``console``, or ``auto``: console if ``stream`` is a terminal, else json.
    """
    shared = _shared_processors(service)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        # A line below the level costs a comparison, not every processor.
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    on_terminal = stream.isatty() if style == "auto" else style == "console"
    _route_standard_logging(stream, level, shared, _renderers(on_terminal=on_terminal))


def _shared_processors(service: str) -> list[Processor]:
    def stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {"at": SYSTEM_CLOCK.now().isoformat(), "service": service, **event}

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        stamp,
    ]


def _renderers(*, on_terminal: bool) -> list[Processor]:
    # Neither form prints the local variables of a traceback's frames: they may hold secrets.
    if on_terminal:
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_to_json)]


def _to_json(event: EventDict, **_options: object) -> str:
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # a text that is not UTF-8; json writes it escaped
        return json.dumps(event, default=str)


def _route_standard_logging(
    stream: TextIO, level: str, shared: Sequence[Processor], renderers: Sequence[Processor]
) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # A library's lines below warning would drown the service's own.
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))
    handler.addFilter(_RepeatFilter())


class _RepeatFilter(logging.Filter):
    """Drops a library's repeated lines: some write the same one sixty times a second during an outage."""

    def __init__(self) -> None:
        super().__init__()
        self._said_s: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to keep the line: the service's own, a traceback, or not repeated for 30 seconds."""
        if record.exc_info or record.name.partition(".")[0] not in _LIBRARIES:
            return True
        place = record.pathname, record.lineno
        is_due = record.created - self._said_s.get(place, 0.0) >= _REPEAT_INTERVAL_S
        if is_due:
            self._said_s[place] = record.created
        return is_due
