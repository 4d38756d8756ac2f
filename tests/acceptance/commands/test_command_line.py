"""The whole story again, with the `keyfold` command alone."""

from __future__ import annotations

import asyncio
import re
import shlex
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.stack.command_line import run_json
from tests.support.stack.forked import Ended
from tests.support.stack.running import KEYFOLD, RunningStack, keyfold, wait_for_end
from tests.support.stack.world import Practice, World


async def pasted(stack: RunningStack, line: str) -> Ended:
    """Run a line as a shell in the stack's directory would."""
    process = await asyncio.create_subprocess_shell(
        line, cwd=stack.home, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    return await wait_for_end(process)


@pytest.mark.timeout(240)  # two dozen processes, one after the other
async def test_story(stack: RunningStack, world: World) -> None:
    """Every step of the story has its command, and each prints what the next one needs."""
    account = (await run_json(stack, "account create 'Command Practice'"))["account_id"]
    vendor = (
        await run_json(
            stack,
            "vendor apply 'Command Vendor' --contact-email c@vendor.example --website https://vendor.example"
            " --intended-use Reminders --category appointment --category patient",
        )
    )["vendor_id"]
    for kind in ("security", "compliance"):
        await run_json(stack, f"vendor review {vendor} {kind} pass --notes seen")
    assert (await run_json(stack, f"vendor approve {vendor}"))["state"] == "approved"
    vendor_key = await run_json(stack, f"vendor key issue --vendor {vendor}")
    assert (await run_json(stack, f"account integrations on {account}"))["integrations_enabled"] is True
    made = await run_json(
        stack, f"key create Desk --account {account} --permission appointment=write --permission patient=read"
    )
    key = made["key"]["key_id"]
    keys = (("x-api-key", vendor_key["secret"]), ("A-api-key", made["secret"]))

    await world.settled()
    assert (await world.request("GET", "/v1/patient", keys)).status == 200
    edited = await run_json(
        stack, f"key edit {key} --account {account} --permission patient=none --name Front"
    )
    assert edited["permissions"]["patient"] == "none"
    assert edited["permissions"]["appointment"] == "write"
    await world.settled()
    assert (await world.request("GET", "/v1/patient", keys)).reasons == ["category_denied"]
    assert (await run_json(stack, f"vendor suspend {vendor} --reason finding"))["state"] == "suspended"
    assert (await run_json(stack, f"vendor reinstate {vendor}"))["state"] == "approved"
    assert (await run_json(stack, f"key revoke {key} --account {account}"))["state"] == "revoked"
    await run_json(stack, f"vendor key revoke {vendor_key['key']['key_id']} --vendor {vendor}")

    reads = (
        f"key list --account {account}",
        f"key show {key} --account {account}",
        f"vendor key list --vendor {vendor}",
        "vendor list --limit 100",
        f"vendor show {vendor}",
        f"account show {account}",
    )
    keys_now, key_now, vendor_keys, vendors, vendor_now, account_now = await asyncio.gather(
        *(run_json(stack, line) for line in reads)
    )
    assert [item["name"] for item in keys_now] == ["Front"]
    assert [item["state"] for item in (key_now, *vendor_keys)] == ["revoked", "revoked"]
    assert vendor in [item["vendor_id"] for item in vendors]
    assert (vendor_now["name"], account_now["name"]) == ("Command Vendor", "Command Practice")

    async def both() -> list[dict[str, Any]] | None:
        items: list[dict[str, Any]] = await run_json(stack, f"activity --account {account}")
        return items if len(items) == 2 else None

    assert [item["reason"] for item in await eventually(both)] == ["category_denied", None]
    ours = await run_json(stack, f"activity list --as vendor --vendor {vendor} --decision deny")
    assert [item["reason"] for item in ours] == ["category_denied"]


async def test_screen_as_pasted(stack: RunningStack) -> None:
    """The screen's three commands work when pasted: one passes, one is refused, the log has both."""
    lines = [line.strip() for line in stack.screen.splitlines()]
    passes, is_refused = (line for line in lines if line.startswith("curl "))
    (shows_both,) = (line for line in lines if line.endswith(" activity"))

    allowed = await pasted(stack, passes)
    refused = await pasted(stack, is_refused)

    assert allowed.json()["path"] == "/v1/appointment"
    assert "HTTP/1.1 403" in refused.out
    assert "X-Keyfold-Reason: category_denied" in refused.out
    assert '"detail":' in refused.out

    async def both() -> bool:
        shown = await pasted(stack, shows_both)
        assert shown.status == 0, shown.err
        return {item["reason"] for item in shown.json()} == {None, "category_denied"}

    await eventually(both)


async def test_table(stack: RunningStack) -> None:
    """On a terminal the log is a table, with the names of vendor and key instead of their ids."""
    shown = f"TERM=dumb COLUMNS=200 {shlex.quote(str(KEYFOLD))} activity"
    command = shlex.join(["script", "-qec", shown, "/dev/null"])

    passes = next(line.strip() for line in stack.screen.splitlines() if line.strip().startswith("curl "))
    assert (await pasted(stack, passes)).json()["path"] == "/v1/appointment"

    async def drawn() -> str | None:
        done = await pasted(stack, command)
        assert done.status == 0, done.out
        return done.out if "appointment" in done.out else None

    table = await eventually(drawn)
    assert re.search(r"when +integration +key +data +request +answer", table)
    assert re.search(r"Recall Reminders +Front desk +appointment read", table)


async def test_token(stack: RunningStack, world: World) -> None:
    """`keyfold token` prints a token and nothing else, valid for the role that it names."""
    account = (await run_json(stack, "account create 'Token Practice'"))["account_id"]
    token = await stack.keyfold("token", "--role", "owner", "--account", account, "--sub", "olga")

    assert token.out.count("\n") == 1
    headers = [("Authorization", f"Bearer {token.out.strip()}")]
    answer = await world.ask("registry", "GET", f"/v1/accounts/{account}", headers=headers)
    assert answer.body["account_id"] == account


async def test_status(stack: RunningStack) -> None:
    """`keyfold status` shows every service ready, at the ledger's position where it follows the ledger."""

    async def settled() -> bool:
        shown = {item["service"]: item for item in await run_json(stack, "status")}
        assert {item["state"] for item in shown.values()} == {"ready"}
        positions = {shown[name]["position"] for name in ("relay", "projection", "gatekeeper")}
        return len(positions) == 1 and None not in positions

    await eventually(settled)


async def test_ledger(stack: RunningStack) -> None:
    """`keyfold ledger list` shows events in order, without a gap."""
    events = await run_json(stack, "ledger list --limit 5")

    assert [event["position"] for event in events] == [1, 2, 3, 4, 5]


async def test_unused_permissions(stack: RunningStack, world: World, practice: Practice) -> None:
    """`keyfold key unused` shows which permissions of a key no request has needed, once the log is whole."""
    assert (await world.request("GET", "/v1/patient", practice.keys)).status == 200
    await world.whole_log(practice)
    line = f"key unused {practice.key_id} --account {practice.account_id} --days 7"

    async def known() -> Any:
        answer = await run_json(stack, line)
        return None if answer["unused"] is None else answer

    answer = await eventually(known)
    assert answer["unused"] == ["appointment"]
    assert answer["categories"] == [
        {"category": "appointment", "granted": "write", "used": "none"},
        {"category": "patient", "granted": "read", "used": "read"},
    ]


async def test_migrate(stack: RunningStack) -> None:
    """`keyfold migrate` is harmless on a database that is up to date."""
    assert (await stack.keyfold("migrate")).status == 0


async def test_refusal_is_a_sentence(stack: RunningStack) -> None:
    """A refusal is one sentence from the problem, on standard error, and the status is 1."""
    refused = await stack.keyfold("key", "show", "key_nosuchkey000")

    assert (refused.status, refused.out) == (1, "")
    assert refused.err.startswith("There is no such resource: /v1/accounts/")
    assert refused.err.endswith("/keys/key_nosuchkey000 (404 not-found). See keyfold key list.\n")


async def test_wrong_usage(stack: RunningStack) -> None:
    """What can never work exits with status 2."""
    wrong = await stack.keyfold("key", "create", "x", "--permission", "dreams=read")

    assert wrong.status == 2
    assert "dreams=read" in wrong.err


async def test_no_stack(stack: RunningStack) -> None:
    """Away from any stack, a command says how to name one."""
    lost = await keyfold("ledger", "list", cwd=stack.home.parent)

    assert lost.status == 1
    assert "KEYFOLD_REGISTRY_URL" in lost.err or "KEYFOLD_TOKEN" in lost.err
