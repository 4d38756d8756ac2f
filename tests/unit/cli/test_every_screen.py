"""Every screen of every command, with the longest possible content, on terminals of every width."""

from __future__ import annotations

import asyncio
import io
import itertools
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Final

import pytest
import typer

from keyfold.cli import app
from keyfold.cli.commands.ledger.past_state_view import one, whole
from keyfold.cli.commands.ledger.verdict import details_of as verdict
from keyfold.cli.commands.ledger.verification import Verification
from keyfold.cli.commands.operating.dead_letters import listing as dead_letters
from keyfold.cli.commands.operating.routes import show_faults, show_requests, show_warnings
from keyfold.cli.commands.operating.topics import overview, rows
from keyfold.cli.screen import Details, Listing
from keyfold.cli.screen.lines import width_of
from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.runtime.legible import UNSEEN_IN_PROSE
from keyfold.wire.grants import PRINCIPALS
from keyfold.wire.topic_rules import Topic
from keyfold.wire.topics import ALL, LIFECYCLE
from tests.support.cli.longest import ACCOUNT, KEY, VENDOR, letter
from tests.support.cli.past import past
from tests.support.cli.screens import render_lines
from tests.support.cli.worst_case import worst
from tests.support.domain.given import NOW

DECISION: Final = "0195f000-0000-7000-8000-000000000007"
APPLICATION: Final = "--contact-email a@b --website https://x --intended-use y --category patient"
COMMANDS: Final = {
    "account create": "Name",
    "account show": "",
    "account integrations": "on",
    "account history": "",
    "account invite": "",
    "vendor invite": VENDOR,
    "invitation list": "",
    "invitation withdraw": "inv_1",
    "login list": "",
    "login end": "log_1",
    "vendor list": "",
    "vendor show": VENDOR,
    "vendor history": VENDOR,
    "vendor review": f"{VENDOR} security pass",
    "vendor approve": VENDOR,
    "vendor reject": f"{VENDOR} --reason x",
    "vendor suspend": f"{VENDOR} --reason x",
    "vendor reinstate": VENDOR,
    "vendor apply": f"Name {APPLICATION}",
    "vendor amend": f"{VENDOR} --name Name",
    "vendor reapply": f"{VENDOR} --name Name {APPLICATION}",
    "vendor key issue": f"--vendor {VENDOR}",
    "vendor key list": f"--vendor {VENDOR}",
    "vendor key rotate": f"{KEY} --vendor {VENDOR} --overlap 1h",
    "vendor key revoke": f"{KEY} --vendor {VENDOR}",
    "key create": "Name",
    "key list": "",
    "key show": KEY,
    "key edit": f"{KEY} --name Name",
    "key history": KEY,
    "key rotate": f"{KEY} --overlap 1h",
    "key revoke": "--all",
    "key unused": KEY,
    "key can": f"{KEY} --vendor {VENDOR} --method GET --path /x",
    "activity list": "",
    "activity show": DECISION,
    "activity tail": "--count 1",
    "activity summary": "",
    "audit completeness": "",
    "ledger list": "",
    "ledger checkpoint": "",
    "ledger checkpoints": "",
    "ledger seal-key": "",
    "ledger rotate-seal-key": "",
    "status": "",
    "enforcement": "",
    "shadow": "",
}
"""A line for each command that asks services over HTTP."""

MAP_FILE: Final = Path("/etc/keyfold/routes/practice-api.routes")
MAP: Final = parse_route_map(
    "/v1/patient/** patient\n/v1/patient/{id}/note clinical\nPOST /v1/login public\nGET /v1/health public"
)
VIEWS: Final[dict[str, list[Listing | Details]]] = {
    "dead-letter list": [dead_letters([letter(), letter()])],
    "ledger verify": [
        verdict(
            Verification(
                events=10**12,
                head_hash=b"\xab" * 32,
                signatures_checked=False,
                recorded_checkpoints=10**6,
                filed_checkpoints=10**6,
                vouched=10**12,
                seals_checked=False,
                sealed=10**12,
                findings=(),
                took_s=9999.9,
            ),
            "keyfold at 127.0.0.1:5432 (KEYFOLD_POSTGRES_DSN)",
        )
    ],
    "routes check": [
        show_faults(MAP_FILE, [(10**5, "its requests can also be read as those of line 1")] * 2),
        show_warnings(MAP_FILE, MAP),
        show_requests(MAP_FILE, MAP, [("GET", f"/v1/patient/{'7/' * 45}note.json"), ("GET", "/v1/health")]),
    ],
    "topics show": [
        overview(
            {spec.name: Topic(partitions=8, copies=3, config=spec.config) for spec in ALL},
            frozenset(grant for each in PRINCIPALS for grant in each.grants()),
        ),
        overview({}, frozenset()),
    ],
    "topics make": [rows([{"kind": "topic", "name": LIFECYCLE.name, "made": "x" * 60}], empty="")],
    "topics check": [rows([{"of": LIFECYCLE.name, "wrong": "it lacks " * 9, "mend": "y" * 60}], empty="")],
    "state": [
        whole(past(NOW)),
        *(
            shown
            for kind, id_ in (("subscriber key", "key_r"), ("vendor", "ven_1"))
            if (shown := one(past(NOW), [kind], id_))
        ),
    ],
}
"""What is shown of those that ask a database or Kafka."""

BARE: Final = {"activity export", "gatekeeper", "ledger republish", "migrate", "replay", "token", "up"}
"""Commands that show no table: a file, a line, or what another process says."""

COPIED: Final = re.compile(
    r"(?:acc|ven|key|usr|inv|log)_\w+|kf[svi]_live_\S+|[0-9a-f]{64}|[0-9a-f-]{36}"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?Z"
)
LEFT_OUT: Final = re.compile(r"Not shown at this width: [a-z ,]+; --wide or --json has all\.", re.DOTALL)
WIDTHS: Final = (60, 80, 100, 160)
KEYFOLD: Final = typer.main.get_command(app)


class Terminal(io.StringIO):
    """The other end of a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Tell that it is a terminal."""
        return True


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run away from any local stack, with services of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("KEYFOLD_TOKEN", "token")
    monkeypatch.setenv("KEYFOLD_ACCOUNT", ACCOUNT)


def commands(app: typer.Typer, before: str = "") -> Iterator[str]:
    """Yield the name of every command."""
    yield from (f"{before}{each.name}" for each in app.registered_commands)
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{before}{group.name} ")


def drawn(line: str) -> str:
    """Return what a command draws on a terminal."""
    with redirect_stdout(Terminal()) as terminal, redirect_stderr(io.StringIO()):
        KEYFOLD.main(shlex.split(line), standalone_mode=False)
    return terminal.getvalue()


def assert_whole(narrow: str, wide: str, columns: int) -> None:
    """Fail if text to copy is cut or silently missing, or if a line is longer than necessary."""
    copied = set(COPIED.findall(wide))
    assert set(COPIED.findall(narrow)) <= copied
    if not LEFT_OUT.search(narrow.replace("\n", " ")):
        assert set(COPIED.findall(narrow)) == copied
    for line in narrow.splitlines():
        assert width_of(line) <= columns or " " not in line.strip(), line
    assert not UNSEEN_IN_PROSE.search(narrow)


def test_every_command_is_tried_here() -> None:
    """No command is forgotten by these tests."""
    assert {*COMMANDS, *VIEWS, *BARE} == set(commands(app))


async def test_what_is_copied_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a command shows, ids, secrets and times are complete, and columns left out are named."""
    async with worst() as url:
        for service in ("REGISTRY", "AUDIT", "GATEKEEPER", "RELAY"):
            monkeypatch.setenv(f"KEYFOLD_{service}_URL", url)
        for name, arguments in COMMANDS.items():
            line = f"{name} {arguments}"
            wide = await asyncio.to_thread(drawn, f"{line} --wide")
            for columns in WIDTHS:
                monkeypatch.setenv("COLUMNS", str(columns))
                assert_whole(await asyncio.to_thread(drawn, line), wide, columns)


@pytest.mark.parametrize("columns", WIDTHS)
def test_what_is_copied_of_a_database_is_whole(columns: int) -> None:
    """The same holds for what does not come over HTTP."""
    for shown in itertools.chain.from_iterable(VIEWS.values()):
        narrow, wide = ("\n".join(render_lines(shown, width)) for width in (columns, None))
        assert_whole(narrow, wide, columns)
