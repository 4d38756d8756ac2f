"""`keyfold key can`: what a key would be answered, and what would have to change."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from keyfold.cli.command import command
from keyfold.cli.commands.parameters import AccountId, KeyArgument
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Ending, Listing, Tone, Toned
from keyfold.cli.times import ahead
from keyfold.client.http import JsonObject
from keyfold.domain.ids import KEY_PREFIX
from keyfold.local.signing import owner
from keyfold.runtime.clock import SYSTEM_CLOCK

NOT_APPLICABLE: Final = "not_applicable"
OUTCOMES: Final = {"passed": Tone.GOOD, "failed": Tone.BAD}

Vendor = Annotated[
    str, typer.Option("--vendor", metavar="ID", help="Who uses it: a vendor, ven_…, or a vendor key, key_….")
]
Method = Annotated[str | None, typer.Option("--method", help="With --path: GET, POST, …")]
Path = Annotated[str | None, typer.Option("--path", help="As it would be requested, such as /v1/patients/7.")]
Category = Annotated[str | None, typer.Option("--category", help="In place of a path: appointment, …")]
Access = Annotated[str | None, typer.Option("--access", help="With --category: read or write.")]
ClientIp = Annotated[str | None, typer.Option("--client-ip", help="The address that it would come from.")]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help="Such as 2027-01-31 or 30d: whether it will have expired then."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "can")(_can)


async def _can(
    keyfold: Keyfold,
    key_id: KeyArgument,
    vendor: Vendor,
    method: Method = None,
    path: Path = None,
    category: Category = None,
    access: Access = None,
    client_ip: ClientIp = None,
    at: At = None,
    account: AccountId = None,
) -> Listing:
    """Ask whether a request would pass, without making one. The status is 0 for yes and 1 for no."""
    who = "vendor_key_id" if vendor.startswith(KEY_PREFIX) else "vendor_id"
    said = {"method": method, "path": path, "category": category, "access": access}
    said |= {"client_ip": client_ip, "at": ahead(at, "--at", SYSTEM_CLOCK.now())}
    question = {"subscriber_key_id": key_id, who: vendor}
    question |= {name: value for name, value in said.items() if value is not None}
    answer = await keyfold.ask("gatekeeper", "/v1/decide", owner(keyfold.account(account)), question)
    return shown_answer(answer)


def shown_answer(answer: JsonObject) -> Listing:
    """Return an answer as it is shown."""
    changes = {each["check"]: each for each in answer["changes"]}
    checks = [each for each in answer["checks"] if each["outcome"] != NOT_APPLICABLE]
    return Listing(
        columns=("check", "outcome", "to change", "by"),
        rows=[(each["check"], _outcome(each), *_change(changes.get(each["check"]))) for each in checks],
        items=checks,
        empty="",
        prose=("to change", "by"),
        item=answer,
        note=f"{_verdict(answer)}{_about(answer)}, as of position {answer['position']}.",
        ending=Ending.DONE if answer["decision"] == "allow" else Ending.FAILED,
    )


def _outcome(check: JsonObject) -> Toned:
    outcome = check["outcome"]
    return Toned(outcome.replace("_", " "), OUTCOMES.get(outcome, Tone.ASIDE))


def _change(change: JsonObject | None) -> tuple[str, str]:
    return ("", "") if change is None else (change["change"], change["by"])


def _verdict(answer: JsonObject) -> str:
    if answer.get("public"):
        return "Yes, without a key: the route is public"
    if answer["decision"] == "allow":
        return "Yes"
    return f"No, {answer['reason']} ({answer['status']})"


def _about(answer: JsonObject) -> str:
    return "" if answer["category"] is None else f": {answer['access']} {answer['category']}"
