"""Whose activity a command is about, and which part of it: the options that they all share."""

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
    typer.Option("--unattributed", help="Requests that name no account and no vendor (operator)."),
]
CategoryFilter = Annotated[Category | None, typer.Option("--category", help="Only this kind of data.")]
AccessFilter = Annotated[str | None, typer.Option("--access", help="read or write.")]
DecisionFilter = Annotated[str | None, typer.Option("--decision", help="allow or deny.")]
ReasonFilter = Annotated[str | None, typer.Option("--reason", help="Only this reason of a denial.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help=TIMES)]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help=TIMES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityLog:
    """Somebody's activity, or nobody's: as whom to ask for it, at which path, with which conditions."""

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

    Raises WrongUsage.
    """
    conditions |= times_of(conditions.get("since"), conditions.get("until"), SYSTEM_CLOCK.now())
    if unattributed:
        _refuse_names({"--account": account, "--key": key_id, "--vendor": vendor_id})
        return ActivityLog(
            who=OPERATOR,
            path="/v1/unattributed/activity",
            query=_drop_missing(conditions),
            is_unattributed=True,
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
    return ActivityLog(who=who, path=path, query=_drop_missing(conditions))


def times_of(since: str | None, until: str | None, now: datetime) -> dict[str, str | None]:
    """Return the options' times as services read them. Raises WrongUsage."""
    return {"since": past(since, "--since", now), "until": past(until, "--until", now)}


def _refuse_names(names: Mapping[str, str | None]) -> None:
    if given := " and ".join(_drop_missing(names)):
        raise WrongUsage(f"--unattributed is what names no account, no key and no vendor: leave out {given}.")


def _drop_missing(options: Mapping[str, str | None]) -> Mapping[str, str]:
    return {name: value for name, value in options.items() if value is not None}


def request_of(item: JsonObject) -> str:
    """Return an access event's request, and how many requests it stands for if more than one."""
    requests = item["requests"]
    times = f" x{requests:,}" if requests > 1 else ""
    return f"{item['method']} {item['path']}{times}"


def asker_of(log: ActivityLog) -> NameColumns | Origins:
    """Return the columns that show who asked."""
    return Origins() if log.is_unattributed else NameColumns()


class Origins:
    """The columns for requests that name nobody: where they came from."""

    columns = ("gateway", "client")
    ids: tuple[str, ...] = ()

    def of(self, item: JsonObject) -> tuple[str, ...]:
        """Return an access event's gateway, and its client's address or network."""
        return item["gateway"], item["client_ip"] or NONE

    def ids_of(self, _item: JsonObject) -> tuple[str, ...]:
        """Return nothing: there are no ids."""
        return ()


class NameColumns:
    """The columns with the present names of vendors and keys, or the id of one whose name we may not know."""

    columns = ("integration", "key")
    ids: tuple[str, ...] = ("integration id", "key id")

    def of(self, item: JsonObject) -> tuple[str, ...]:
        """Return the names of an access event's vendor and key."""
        return item["vendor_name"] or item["vendor_id"] or NONE, item["key_name"] or item["key_id"] or NONE

    def ids_of(self, item: JsonObject) -> tuple[str, ...]:
        """Return their ids."""
        return item["vendor_id"] or NONE, item["key_id"] or NONE
