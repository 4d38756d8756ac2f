"""The more explicit wins over a local stack, and no token goes where it was not meant to go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner, Result

from keyfold.cli import app
from keyfold.client.endpoints import HTTP_SERVICES, STATE_DIR_NAME
from keyfold.local.signing import LocalSigner
from tests.support.cli.registry_double import RegistryDouble, serving
from tests.support.cli.stack_record import write_record

TAIL = "activity tail --account acc_1 --count 1"
TOKEN = "the.named.token"
BEARER = f"Bearer {TOKEN}"
READS = (
    "key list --account acc_1",
    "key show key_1 --account acc_1",
    "account history acc_1",
    "vendor list",
    "activity list --account acc_1",
    "activity export --account acc_1",
    "activity summary --account acc_1",
    "audit completeness",
    "enforcement",
    "shadow",
)
CHANGES = (
    "key revoke key_1 --account acc_1",
    "account create Practice",
    "vendor approve ven_1",
    "ledger checkpoint",
)
PAGE: dict[str, object] = {"items": [], "next_cursor": None}


@pytest.fixture
async def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RegistryDouble]:
    """Change to a directory in which a local stack runs; all of its services are this double."""
    state_dir = tmp_path / STATE_DIR_NAME
    state_dir.mkdir()
    LocalSigner(state_dir).prepare()
    monkeypatch.chdir(tmp_path)
    async with serving(PAGE) as double:
        write_record(state_dir, dict.fromkeys((*HTTP_SERVICES, "gateway"), double.url))
        yield double


async def keyfold(line: str, **environment: str) -> Result:
    """Run a command in this environment."""
    given = {f"KEYFOLD_{name}": value for name, value in environment.items()}
    return await asyncio.to_thread(CliRunner().invoke, app, line.split(), env=given)


def all_at(url: str) -> dict[str, str]:
    """Give every service this address."""
    return {f"{service.upper()}_URL": url for service in HTTP_SERVICES}


@pytest.mark.parametrize("line", [*READS, *CHANGES, TAIL])
async def test_token_without_an_address(stack: RegistryDouble, line: str) -> None:
    """A token is never sent to a local stack that was merely found: the command refuses, and does nothing."""
    ended = await keyfold(line, TOKEN=TOKEN)

    assert (ended.exit_code, stack.asked) == (2, [])
    assert "KEYFOLD_TOKEN is not for the" in ended.stderr
    assert TOKEN not in ended.output


@pytest.mark.parametrize("line", [*READS, *CHANGES])
async def test_named_address(stack: RegistryDouble, line: str) -> None:
    """Named addresses are asked, with the named token, and the local stack gets no request."""
    async with serving(PAGE) as named:
        await keyfold(line, TOKEN=TOKEN, **all_at(named.url))

    assert named.asked
    assert {asked.authorization for asked in named.asked} == {BEARER}
    assert stack.asked == []


@pytest.mark.parametrize("line", [*READS, *CHANGES, TAIL])
async def test_own_token_stays(stack: RegistryDouble, line: str) -> None:
    """A token that a local stack signs goes to its own addresses alone: named ones need a named token."""
    async with serving(PAGE) as named:
        ended = await keyfold(line, **all_at(named.url))

    assert (ended.exit_code, named.asked, stack.asked) == (1, [], [])
    assert "set KEYFOLD_TOKEN" in ended.stderr


async def test_option_names_the_stack(stack: RegistryDouble, tmp_path: Path) -> None:
    """A stack that an option names is asked, whatever the environment says, and with its own token."""
    async with serving(PAGE) as named:
        ended = await keyfold(f"key list --account acc_1 --dir {tmp_path}", TOKEN=TOKEN, **all_at(named.url))

    assert (ended.exit_code, named.asked) == (0, [])
    assert [asked.authorization for asked in stack.asked] != [BEARER]


async def test_mixture_is_said(stack: RegistryDouble) -> None:
    """If some addresses are named and others are a local stack's, the command prints which."""
    ended = await keyfold(
        "key list --account acc_1", KAFKA_BOOTSTRAP="kafka.example:9092", KAFKA_SECURITY_PROTOCOL="SSL"
    )

    assert (ended.exit_code, len(stack.asked)) == (0, 1)
    assert ended.stderr.startswith("KEYFOLD_KAFKA_BOOTSTRAP as the environment says; everything else is")


@pytest.mark.parametrize("setting", ["POSTGRES_DSN", "KAFKA_BOOTSTRAP"])
async def test_replay_of_two_places(stack: RegistryDouble, setting: str) -> None:
    """A read model is never made from another ledger's events: database and Kafka must have one origin."""
    value = {"POSTGRES_DSN": "postgresql://localhost/keyfold", "KAFKA_BOOTSTRAP": "kafka.example:9092"}[
        setting
    ]
    ended = await keyfold("replay", KAFKA_SECURITY_PROTOCOL="SSL", **{setting: value})

    assert ended.exit_code == 2
    assert "set KEYFOLD_POSTGRES_DSN and KEYFOLD_KAFKA_BOOTSTRAP, or neither" in ended.stderr


@pytest.mark.parametrize("line", ["migrate", "ledger verify", "state --at 1"])
async def test_named_database(stack: RegistryDouble, line: str) -> None:
    """A named database is the one that is used and printed, without its password."""
    ended = await keyfold(line, POSTGRES_DSN="postgresql://keyfold:hunter2@127.0.0.1:9/elsewhere")

    assert ended.exit_code == 1
    assert " of elsewhere at 127.0.0.1:9 (KEYFOLD_POSTGRES_DSN)\n" in ended.stderr
    assert "hunter2" not in ended.output


async def test_named_kafka(stack: RegistryDouble) -> None:
    """A named Kafka is the one that is read and printed."""
    ended = await keyfold(
        "dead-letter list", KAFKA_BOOTSTRAP="127.0.0.1:9", KAFKA_SECURITY_PROTOCOL="PLAINTEXT"
    )

    assert ended.exit_code == 1
    assert "Kafka at 127.0.0.1:9 (KEYFOLD_KAFKA_BOOTSTRAP)\n" in ended.stderr


@asynccontextmanager
async def redirector(to: str) -> AsyncIterator[str]:
    """Serve only redirects to an address."""

    async def answer(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(to + request.path)

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(application) as server:
        yield str(server.make_url("/"))


@pytest.mark.parametrize("line", [*READS, *CHANGES, TAIL, "status"])
async def test_redirect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """A token does not follow a redirect to another address; one line says what to set."""
    monkeypatch.chdir(tmp_path)
    async with serving(PAGE) as elsewhere, redirector(elsewhere.url) as url:
        ended = await keyfold(line, TOKEN=TOKEN, **all_at(url))

    assert elsewhere.asked == []
    assert ended.exception is None or isinstance(ended.exception, SystemExit)
    assert line == "status" or "a redirect, which is not followed: set KEYFOLD_" in ended.stderr


@pytest.mark.parametrize("line", ["key list --account acc_1", "activity tail --account acc_1"])
async def test_plain_http_to_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """A token is not sent to another machine over plain http."""
    monkeypatch.chdir(tmp_path)
    ended = await keyfold(line, TOKEN=TOKEN, **all_at("http://registry.invalid:8080"))

    assert ended.exit_code == 2
    assert "plain http to another machine" in ended.stderr
