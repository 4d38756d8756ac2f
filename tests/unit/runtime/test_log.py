"""Logs: one JSON object a line in production, whoever writes it."""

import io
import logging
from collections.abc import Iterator

import orjson
import pytest
import structlog
from structlog.contextvars import bound_contextvars

from keyfold.runtime import log as logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Restore logging afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def configured(level: str = "info", style: str = "json") -> io.StringIO:
    """Send logs into a buffer."""
    stream = io.StringIO()
    logs.configure(service="test", level=level, style=style, stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """Return the lines as objects."""
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line() -> None:
    """A line has its event, time, level, service, keywords, and the request's id."""
    stream = configured()
    with bound_contextvars(request_id="r1"):
        structlog.get_logger("x").info("key_created", key_id="key_1", odd=object)
    (line,) = lines(stream)
    assert str(line.pop("at")).endswith("+00:00")
    assert line == {
        "event": "key_created",
        "level": "info",
        "logger": "x",
        "service": "test",
        "request_id": "r1",
        "key_id": "key_1",
        "odd": "<class 'object'>",
    }


def test_a_text_that_is_none() -> None:
    """A line with something that is not valid text is still written."""
    stream = configured()
    structlog.get_logger("x").info("odd_name", name="\udce9")
    (line,) = stream.getvalue().splitlines()
    assert '"name": "\\udce9"' in line


def test_a_library_that_repeats_itself() -> None:
    """A library's repeated line is written once in a while; tracebacks and our own lines always."""
    stream = configured()
    for attempt in range(3):
        logging.getLogger("aiokafka.client").error("broker is away: %s", attempt)
        logging.getLogger("asyncio").error("task died", exc_info=ValueError(attempt))
        structlog.get_logger("x").info("waiting")
    said = [line["event"] for line in lines(stream)]
    assert said.count("broker is away: 0") == 1
    assert len(said) == 1 + 3 + 3


def test_libraries() -> None:
    """A library's lines have the same form, and none below warning is written."""
    stream = configured("debug")
    logging.getLogger("aiokafka.conn").info("chatter")
    logging.getLogger("aiokafka.conn").warning("broker %s is away", 7)
    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["service"]) == ("broker 7 is away", "aiokafka.conn", "test")


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_shows_no_values(style: str) -> None:
    """A traceback names files and lines, never values of variables, which may be secrets."""
    stream = configured(style=style)
    secret = "hunter" + str(len("ab"))
    try:
        int("x" * len(secret))
    except ValueError:
        structlog.get_logger().exception("bug")
    assert "Traceback" in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_a_level() -> None:
    """Lines below the level are not written."""
    stream = configured("warning")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_a_file_is_no_terminal() -> None:
    """By default, the form is JSON if the stream is not a terminal."""
    stream = configured(style="auto")
    structlog.get_logger().info("said")
    assert lines(stream)[0]["event"] == "said"
