"""Whose activity a command is about, and which of it: the options that all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import typer

from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen.words import NONE
from keyfold.cli.times import past
from keyfold.client.failure import WrongUsage
from keyfold.client.http import JsonObject
from keyfold.domain.permissions import Category
from keyfold.local.signing import OPERATOR, Claims, owner, vendor
from keyfold.runtime.clock import SYSTEM_CLOCK

TIMES: Final = (
    "Such as 2026-11-30, yesterday, 2h (ago) or RFC 3339; UTC where no zone is named; at most 90d ago."
)

KeyFilter = Annotated[str | None, typer.Option("--key", help="Only this key's.")]
VendorFilter = Annotated[str | None, typer.Option("--vendor", help="Only this vendor's.")]
Unattributed = Annotated[
    bool,
    typer.Option("--unattributed", help="What names no account and no vendor instead (operator)."),
]
CategoryFilter = Annotated[Category | None, typer.Option("--category", help="Only this kind of data.")]
AccessFilter = Annotated[str | None, typer.Option("--access", help="read or write.")]
DecisionFilter = Annotated[str | None, typer.Option("--decision", help="allow or deny.")]
ReasonFilter = Annotated[str | None, typer.Option("--reason", help="Only this reason of a denial.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help=TIMES)]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help=TIMES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityLog:
    """Somebody's activity, or nobody's: who has to ask, where, and with which conditions."""

    who: Claims
    path: str
    query: Mapping[str, str]
    is_unattributed: bool = False


def log_of(
    keyfold: Keyfold,
    account: str | None,
    vendor_id: str | None,
    *,
    unattributed: bool,
    key_id: str | None,
    **conditions: str | None,
) -> ActivityLog:
    """Return the log that the options name: an account's, nobody's, or with `--as vendor` that vendor's.

    Raises WrongUsage, also for what is no time.
    """
    conditions |= times_of(conditions.get("since"), conditions.get("until"), SYSTEM_CLOCK.now())
    if unattributed:
        _refuse_names({"--account": account, "--key": key_id, "--vendor": vendor_id})
        return ActivityLog(
            who=OPERATOR, path="/v1/unattributed/activity", query=_given(conditions), is_unattributed=True
        )
    conditions["key_id"] = key_id
    if keyfold.role == "vendor":
        if vendor_id is None:
            raise WrongUsage("Which vendor? Say --vendor ven_….")
        who, path = vendor(vendor_id), f"/v1/vendors/{vendor_id}/activity"
    else:
        account_id = keyfold.account(account)
        who, path = owner(account_id), f"/v1/accounts/{account_id}/activity"
        conditions["vendor_id"] = vendor_id
    return ActivityLog(who=who, path=path, query=_given(conditions))


def times_of(since: str | None, until: str | None, now: datetime) -> dict[str, str | None]:
    """Return the bounds that the options name, as services read them. Raises WrongUsage."""
    return {"since": past(since, "--since", now), "until": past(until, "--until", now)}


def _refuse_names(names: Mapping[str, str | None]) -> None:
    if given := " and ".join(_given(names)):
        raise WrongUsage(f"--unattributed is what names no account, no key and no vendor: leave out {given}.")


def _given(options: Mapping[str, str | None]) -> Mapping[str, str]:
    return {name: value for name, value in options.items() if value is not None}


def request_of(item: JsonObject) -> str:
    """Return what an access event's request was, and how many there were where it is the record of many."""
    requests = item["requests"]
    times = f" x{requests:,}" if requests > 1 else ""
    return f"{item['method']} {item['path']}{times}"


def asker_of(log: ActivityLog) -> NameColumns | Origins:
    """Return what tells who asked."""
    return Origins() if log.is_unattributed else NameColumns()


class Origins:
    """Where requests came from that name nobody."""

    columns = ("gateway", "client")
    ids: tuple[str, ...] = ()

    def of(self, item: JsonObject) -> tuple[str, ...]:
        """Return the gateway and the client's address, or its network, of an access event."""
        return item["gateway"], item["client_ip"] or NONE

    def ids_of(self, _item: JsonObject) -> tuple[str, ...]:
        """Return that there are none."""
        return ()


class NameColumns:
    """What vendors and keys are called today, and where that is not known, or not ours to know, the id."""

    columns = ("integration", "key")
    ids: tuple[str, ...] = ("integration id", "key id")

    def of(self, item: JsonObject) -> tuple[str, ...]:
        """Return what to call the vendor and the key of an access event."""
        return item["vendor_name"] or item["vendor_id"] or NONE, item["key_name"] or item["key_id"] or NONE

    def ids_of(self, item: JsonObject) -> tuple[str, ...]:
        """Return their ids."""
        return item["vendor_id"] or NONE, item["key_id"] or NONE
