"""Options and arguments in every order, ids in either form, and faults in the words of what was typed."""

from __future__ import annotations

import itertools
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from keyfold.cli import app
from tests.support.cli.given import KEY
from tests.support.cli.registry_double import serving

ACCOUNT = {"account_id": "acc_2", "name": "Practice", "integrations_enabled": True}
SECRET = "kfs_live_" + "a" * 43


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run away from any local stack."""
    monkeypatch.chdir(tmp_path)


ORDERS = list(itertools.permutations([("on",), ("--account", "acc_2"), ("--wait", "0"), ("--json",)]))


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: " ".join(itertools.chain(*order)))
async def test_orders(order: tuple[tuple[str, ...], ...]) -> None:
    """Options are accepted before, between and after arguments."""
    async with serving(ACCOUNT) as registry:
        ended = await registry.keyfold("account", "integrations", *itertools.chain(*order))

    assert ended.exit_code == 0, ended.stderr
    assert [asked.path for asked in registry.asked] == ["/v1/accounts/acc_2/integrations"]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("account show acc_2", "/v1/accounts/acc_2"),
        ("account show --account acc_2", "/v1/accounts/acc_2"),
        ("account show acc_2 --account acc_2", "/v1/accounts/acc_2"),
        ("account history --account acc_2", "/v1/accounts/acc_2/history"),
        ("vendor show --vendor ven_1", "/v1/vendors/ven_1"),
        ("vendor history --vendor ven_1", "/v1/vendors/ven_1/history"),
        ("vendor approve --vendor ven_1", "/v1/vendors/ven_1/approve"),
        ("vendor reject --reason x --vendor ven_1", "/v1/vendors/ven_1/reject"),
        ("key show --key key_1", "/v1/accounts/acc_1/keys/key_1"),
        ("key rotate --overlap 1d --key key_1", "/v1/accounts/acc_1/keys/key_1/rotate"),
        ("vendor key revoke --key key_1 --vendor ven_1", "/v1/vendors/ven_1/keys/key_1"),
    ],
)
async def test_either_way(line: str, path: str) -> None:
    """An id is accepted as an argument, and as the option that other commands have for it."""
    async with serving({"items": [], "next_cursor": None}) as registry:
        await registry.keyfold(*line.split())

    assert [asked.path for asked in registry.asked] == [path]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("account show acc_1 --account acc_2", "ACCOUNT_ID and --account differ: say one of them."),
        ("vendor show", "Which one? Name it: VENDOR_ID, or --vendor."),
        ("key show a/b", "KEY_ID: it must be an id, such as acc_…, ven_… or key_…."),
        (f"key show {SECRET}", "KEY_ID: it must be an id, such as acc_…, ven_… or key_…."),
        ("key list --account ../x", "--account: it must be an id, such as acc_…, ven_… or key_…."),
        ("key revoke key_1 k?y", "KEY_ID: it must be an id, such as acc_…, ven_… or key_…."),
        (
            "key list --limit 0",
            "--limit: Input should be greater than or equal to 1. See keyfold key list --help.",
        ),
        ("key list --colour red", "No such option: --colour. See keyfold key list --help."),
        ("key list --as nobody", "--as: "),
        ("keys", "No such command 'keys'. Did you mean 'key'? See keyfold --help."),
        ("key rotate key_1", "Missing option '--overlap'. See keyfold key rotate --help."),
    ],
)
async def test_wrong_usage(line: str, said: str) -> None:
    """What can never work gives one line, with status 2, and nothing is sent."""
    async with serving(KEY) as registry:
        ended = await registry.keyfold(*line.split())

    assert (ended.exit_code, ended.stdout, registry.asked) == (2, "", [])
    assert ended.stderr.startswith(said)
    assert ended.stderr.count("\n") == 1
    assert SECRET not in ended.stderr


@pytest.mark.parametrize(
    ("line", "pointer", "said"),
    [
        ("key list --state odd", "/query/state", "--state odd: it is wrong (422 bad-body).\n"),
        ("key create Desk", "/name", "NAME Desk: it is wrong"),
        (f"key edit key_1 --name {SECRET}", "/name", "--name: it is wrong"),
        (
            "key edit key_1 --permission clinical=read",
            "/permissions/clinical",
            "--permission clinical: it is",
        ),
        ("key edit key_1 --vendor v --vendor w", "/vendor_ids/1", "--vendor w: it is wrong"),
        ("key edit key_1 --network x", "/networks/0", "--network x: it is wrong"),
        ("key edit key_1 --rate-limit 1/1", "/rate_limit/per_s", "--rate-limit per_s: it is wrong"),
        ("key edit key_1 --expires 1d", "/expires_at", "--expires 1d: it is wrong"),
        ("key rotate key_1 --overlap 6d", "/overlap_s", "--overlap 6d: it is wrong"),
        ("key revoke key_1 key_2", "/key_ids/1", "KEY_ID key_2: it is wrong"),
        ("key unused key_1 --days 9", "/query/days", "--days 9: it is wrong"),
        ("key can key_1 --vendor ven_1 --path x", "/path", "--path x: it is wrong"),
        ("key can key_1 --vendor key_2", "/vendor_key_id", "--vendor key_2: it is wrong"),
        ("key can key_1 --vendor ven_1 --client-ip x", "/client_ip", "--client-ip x: it is wrong"),
        ("vendor review ven_1 security pass --notes x", "/notes", "--notes x: it is wrong"),
        ("vendor amend ven_1 --contact-email x", "/contact_email", "--contact-email x: it is wrong"),
        ("ledger list --after 7", "/query/after", "--after 7: it is wrong"),
        ("enforcement 7", "/query/position", "POSITION 7: it is wrong"),
        ("account create Desk", "", "It is wrong"),
        ("account create Desk", "/odd", "/odd: it is wrong"),
    ],
)
async def test_fault_of_a_field(line: str, pointer: str, said: str) -> None:
    """A service's fault is described by what was typed, with status 2, and without possible secrets."""
    problem = {
        "type": "urn:keyfold:problem:bad-body",
        "detail": "the body is not acceptable",
        "errors": [{"pointer": pointer, "detail": "it is wrong"}],
    }
    async with serving(problem, status=422) as registry:
        ended = await registry.keyfold(*line.split())

    assert ended.exit_code == 2
    assert said in ended.stderr
    assert SECRET not in ended.stderr


@pytest.mark.parametrize(
    ("status", "kind", "exit_status"),
    [
        (400, "beyond-retention", 2),
        (422, "expires-in-the-past", 2),
        (422, "idempotency-key-reused", 1),
        (401, "unauthorized", 1),
        (403, "forbidden", 1),
        (404, "not-found", 1),
        (409, "key-revoked", 1),
        (412, "precondition-failed", 1),
        (429, "rate-limited", 1),
        (503, "service-unavailable", 1),
    ],
)
async def test_status(status: int, kind: str, exit_status: int) -> None:
    """What can never work exits with 2; a refusal or failure that depends on what there is, with 1."""
    async with serving({"type": f"urn:keyfold:problem:{kind}", "detail": "no"}, status=status) as registry:
        assert (await registry.keyfold("key", "edit", "key_1", "--name", "x")).exit_code == exit_status


@pytest.mark.parametrize(
    ("line", "ending"),
    [
        ("key edit key_1 --name x", " See keyfold key list.\n"),
        ("key show --key key_1", " See keyfold key list.\n"),
        ("vendor approve ven_1", " See keyfold vendor list.\n"),
        ("vendor key revoke --vendor ven_1 key_1", " See keyfold vendor key list.\n"),
        ("key list --account acc_2", "(404 not-found).\n"),
        ("account show acc_2", "(404 not-found).\n"),
    ],
)
async def test_nothing_there(line: str, ending: str) -> None:
    """If nothing is found, the command that lists what there is gets named."""
    async with serving({"type": "urn:keyfold:problem:not-found", "detail": "no"}, status=404) as registry:
        ended = await registry.keyfold(*line.split())

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.endswith(ending)


async def test_field_in_a_text() -> None:
    """A field in a service's text is also named as it was typed."""
    problem = {
        "type": "urn:keyfold:problem:late",
        "detail": "`expires_at` must lie in the future, as `odd` is",
    }
    async with serving(problem, status=422) as registry:
        ended = await registry.keyfold("key", "create", "Desk", "--expires", "2020-01-01")

    assert ended.exit_code == 2
    assert ended.stderr.endswith("--expires 2020-01-01 must lie in the future, as odd is (422 late).\n")


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(option: str) -> None:
    """The installed version is printed, and nothing else."""
    ended = CliRunner().invoke(app, [option])
    assert (ended.exit_code, ended.stdout) == (0, f"keyfold {version('keyfold')}\n")
