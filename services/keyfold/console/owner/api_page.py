"""Settings > Integrations > API: the switch, the keys, and what stops them all."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from keyfold.console.owner.terms.wording import describe_state
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.upstream.known import answer_or_unknown
from keyfold.console.upstream.lists import read_all_counts
from keyfold.console.upstream.services import SentCommand
from keyfold.console.web.app import Console
from keyfold.console.web.view import Page, See, View, Visit, views_of
from keyfold.runtime.auth.caller import Role

PATH: Final = "/settings/integrations/api"
OWNER: Final = frozenset[Role | None]({Role.OWNER})
USE_DAYS: Final = 30
KEYS_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """How often a key was used on each of the last 30 days, oldest first."""

    days: Sequence[int]

    @property
    def total(self) -> int:
        """Requests in 30 days."""
        return sum(self.days)


class ApiPage:
    """The page itself, and its switch."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [
            *views_of(PATH, OWNER, self.show, self.switch),
            *views_of(f"{PATH}/use", OWNER, use),
        ]

    async def show(self, visit: Visit) -> Page:
        """Show the switch and the keys."""
        account, keys, switched = await asyncio.gather(
            visit.services.get("registry", visit.account),
            all_keys(visit),
            answer_or_unknown(last_switched(visit)),
        )
        is_on = account["integrations_enabled"]
        values = {
            "account": account,
            "keys": [(key, describe_state(key, is_on=is_on, now=visit.now, zone=visit.zone)) for key in keys],
            "switched": switched,
            "usable": usable(keys),
            "is_behind": account["version"] < visit.seen,
        }
        return Page(template="owner/api.html", values=values)

    async def switch(self, visit: Visit) -> See:
        """Turn integrations on or off."""
        is_on = visit.form.get("enabled") == "on"
        account = await visit.services.do(
            SentCommand(
                method="PUT",
                path=f"{visit.account}/integrations",
                once=visit.once,
                body={"enabled": is_on},
                version=visit.version,
            )
        )
        said = "API integrations are on." if is_on else "API integrations are off."
        return See(path=f"{PATH}?seen={account['version']}", notice=said)


async def use(visit: Visit) -> Page:
    """Show how the keys were used. Adding up takes a while, so it comes after the rest."""
    used = await answer_or_unknown(use_of_keys(visit))
    keys = [] if visit.is_part else await all_keys(visit)
    return Page(template="owner/use.html", values={"keys": keys, "used": used})


async def all_keys(visit: Visit) -> list[JsonObject]:
    """Return the account's keys, newest first, with the revoked ones at the end."""
    items: list[JsonObject] = []
    query = {"limit": str(KEYS_MAX)}
    while True:
        page = await visit.services.get("registry", f"{visit.account}/keys", query)
        items += page["items"]
        if page["next_cursor"] is None:
            return sorted(items, key=lambda key: key["state"] == "revoked")
        query = {**query, "cursor": page["next_cursor"]}


async def last_switched(visit: Visit) -> JsonObject | None:
    """Return the event that last turned the switch, None if none did."""
    query = {"type": "account.integrations_enabled,account.integrations_disabled", "limit": "1"}
    page = await visit.services.get("registry", f"{visit.account}/history", query)
    return next(iter(page["items"]), None)


async def use_of_keys(visit: Visit) -> Mapping[str, KeyUse]:
    """Return how often each key was used; unused keys are missing."""
    today = visit.now.date()
    first = today - timedelta(days=USE_DAYS - 1)
    query = {"bucket": "day", "by": "key", "since": f"{first.isoformat()}T00:00:00Z"}
    counts: dict[str, dict[date, int]] = defaultdict(dict)
    for item in await read_all_counts(visit.services, f"{visit.account}/activity", query):
        if item["key_id"] is not None:
            counts[item["key_id"]][date.fromisoformat(item["start"][:10])] = item["requests"]
    days = [first + timedelta(days=number) for number in range(USE_DAYS)]
    return {key_id: KeyUse(days=[by_day.get(day, 0) for day in days]) for key_id, by_day in counts.items()}


def usable(keys: Sequence[Mapping[str, Any]]) -> int:
    """Return how many keys would work while integrations are on."""
    return sum(key["state"] == "active" for key in keys)
