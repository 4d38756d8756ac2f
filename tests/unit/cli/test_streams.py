"""What commands write if the terminal is not UTF-8, has no colours, or has gone."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from asyncio.subprocess import PIPE
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

import orjson
import pytest

from keyfold.cli.screen import Details, Tone, Toned, show
from keyfold.cli.screen.streams import AS_SYMBOLS, make_encodable
from tests.support.cli.registry_double import ACCOUNT, serving
from tests.support.cli.screens import render_lines

NAME: Final = "Zähne → 歯科 👩‍👩‍👧 می‌خواهم"
ACCOUNT_ANSWER: Final = {"account_id": ACCOUNT, "name": NAME, "integrations_enabled": True}
SHOWN: Final = Details(lines={"name": NAME, "state": Toned("revoked", Tone.BAD)}, item={"name": NAME})


async def keyfold(
    url: str, *arguments: str | bytes, stdout: int = PIPE, **settings: str
) -> tuple[int | None, bytes, bytes]:
    """Run the program itself, away from any stack; return its status and what it wrote."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KEYFOLD_")}
    services = {"KEYFOLD_REGISTRY_URL": url, "KEYFOLD_TOKEN": "token", "KEYFOLD_ACCOUNT": ACCOUNT}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "keyfold.cli", *arguments),
        env={**environment, **services, "PYTHONPATH": str(Path.cwd()), **settings},
        cwd="/",
        stdout=stdout,
        stderr=PIPE,
    )
    out, error = await process.communicate()
    return process.returncode, out or b"", error


def written(shown: Details, encoding: str, *, wide: bool) -> str:
    """Return what is written to a stream that accepts only its encoding's characters."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with redirect_stdout(stream):
        show(shown, wide=wide)
    stream.seek(0)
    return stream.read()


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii", "cp437", "shift_jis"])
def test_any_encoding(encoding: str) -> None:
    """JSON is the same in every encoding, a table escapes what the encoding lacks, and nothing fails."""
    assert orjson.loads(written(SHOWN, encoding, wide=False)) == SHOWN.item
    assert make_encodable(NAME, encoding) in written(SHOWN, encoding, wide=True)


async def test_the_program_in_ascii() -> None:
    """The program itself works with such a stream."""
    async with serving(ACCOUNT_ANSWER) as registry:
        status, out, error = await keyfold(registry.url, "account", "show", PYTHONIOENCODING="ascii")
    assert (status, orjson.loads(out), error) == (0, ACCOUNT_ANSWER, b"")
    assert out.isascii()


async def test_arguments_are_utf8() -> None:
    """A name is sent as typed, even under a locale without its letters; what is not text is refused."""
    async with serving(ACCOUNT_ANSWER) as registry:
        status, _, _ = await keyfold(
            *(registry.url, "account", "create", NAME.encode()),
            LC_ALL="C",
            PYTHONUTF8="0",
            PYTHONCOERCECLOCALE="0",
        )
        assert (status, registry.asked[0].body) == (0, {"name": NAME})
        refused = await keyfold(registry.url, "account", "create", b"Z\xe4hne")
    assert (refused, len(registry.asked)) == ((2, b"", b"Argument 3 is not UTF-8.\n"), 1)


async def test_a_reader_that_has_gone() -> None:
    """When the reader has gone, as `head` has, there is no traceback, and the status is that of SIGPIPE."""
    read, write = os.pipe()
    os.close(read)
    async with serving(ACCOUNT_ANSWER) as registry:
        ended = await keyfold(registry.url, "account", "show", stdout=write)
    os.close(write)
    assert ended == (141, b"", b"")


def test_symbols_have_a_word_in_ascii() -> None:
    """The screens' own symbols have substitutes; what people wrote is escaped as in JSON."""
    assert make_encodable("a → b — c… ▁█· ✓", "ascii") == "a -> b - c... 18. ok"
    assert render_lines(SHOWN, None, "ascii")[0] == (
        "name   Z\\u00e4hne -> \\u6b6f\\u79d1 \\ud83d\\udc69\\u200d\\ud83d\\udc69\\u200d\\ud83d\\udc67"
        " \\u0645\\u06cc\\u200c\\u062e\\u0648\\u0627\\u0647\\u0645"
    )


def test_what_is_seen_is_shown_and_what_is_not_is_told() -> None:
    """Joiners of letters and emoji are shown; what would steer a terminal or is invisible is escaped."""
    lines = {
        "name": NAME,
        "odd": "a\u202eb\u200bc\x1b[2J\ufeff\U000e0041\u2028",
        "prose": "one\r\ntwo\tthree",
    }
    assert render_lines(Details(lines=lines, item={})) == [
        f"name   {NAME}",
        "odd    a\\u202eb\\u200bc\\u001b[2J\\ufeff\\udb40\\udc41\\u2028",
        "prose  one",
        "       two three",
    ]


@pytest.mark.parametrize(
    ("environment", "colours", "is_bold"),
    [
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, True, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False, True),
        ({"TERM": "dumb", "NO_COLOR": ""}, False, False),
    ],
)
def test_colours(
    environment: dict[str, str], colours: bool, is_bold: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colours are for terminals that have them and for people who want them."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    with redirect_stdout(Terminal()) as terminal:
        show(SHOWN)
    assert ("\x1b[31mrevoked" in terminal.getvalue()) == colours
    assert ("\x1b[1mname" in terminal.getvalue()) == is_bold
    assert ("\x1b" in terminal.getvalue()) == (colours or is_bold)


def test_a_stream_takes_any_text() -> None:
    """Text that is not written by the screens, such as help, does not fail in any encoding either."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=AS_SYMBOLS)
    stream.write("ven_… 歯\n")
    stream.flush()
    assert stream.buffer.getvalue() == b"ven_... \\u6b6f\n"
