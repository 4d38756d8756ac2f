"""A month of a practice's use in an access log, made in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any, Final

from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.access_log.day_sums import sum_days
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.postgres.connection import open_connection, open_pool
from tests.support.audit.lived_in_log import count_day
from tests.support.page.views import Scene

DAYS: Final = 30
_DAY: Final = timedelta(days=1)
_FRIDAY: Final = 4
_EVENT: Final = """
insert into access_log.events
    (at, event_id, account_id, key_id, vendor_id, vendor_key_id, category, access, method, path, reason,
     position, gateway, client_ip, gatekeeper, seq, filing)
values ($1, gen_random_uuid(), $2, $3, $4, $5, $6, $7, $8, $9, $10, 7, 'caddy', '203.0.113.9', $11, $12, 0)
"""
_USED: Final = "insert into access_log.last_used (key_id, last_used_at) values ($1, $2)"
_GATEKEEPER: Final = "0195f000-0000-7000-8000-000000000001"


async def a_month_of_use(dsn: str, scene: Scene) -> None:
    """Fill the days before today, so that lists and charts have something to show."""
    today = datetime.combine(SYSTEM_CLOCK.now(), time(), UTC)
    days = [today - number * _DAY for number in range(DAYS, 0, -1)]
    async with open_pool(dsn, application_name="month") as pool:
        await Partitions(pool).make(each.date() for each in days)
    async with open_connection(dsn, application_name="month", statement_timeout_s=0) as connection:
        for day in days:
            for row in _rows(scene, day):
                await connection.execute(_EVENT, *row)
            await count_day(connection, day)
        await connection.execute(_USED, scene.booking, today - _DAY)
    await sum_days(dsn, days[0].date(), days[-1].date())


def _rows(scene: Scene, day: datetime) -> Iterator[tuple[Any, ...]]:
    dice = Random(day.toordinal())
    vendor = (scene.vendor.vendor_id, scene.vendor.key_id)
    is_at_work = day.weekday() <= _FRIDAY
    for number in range(dice.randint(20, 45) if is_at_work else dice.randint(0, 5)):
        at = day + timedelta(hours=dice.triangular(0, 10, 2), seconds=number)
        asked = dice.choices(
            [
                ("appointment", "read", "GET", "/v1/appointment", None),
                ("appointment", "write", "POST", "/v1/appointment", None),
                ("patient", "read", "GET", f"/v1/patient/{dice.randint(1, 900)}", None),
                ("clinical", "read", "GET", f"/v1/note/{dice.randint(1, 900)}", "category_denied"),
            ],
            weights=[8, 3, 6, 1],
        )[0]
        key_id = scene.practice.key_id if dice.random() < 0.7 else scene.booking
        yield (at, scene.practice.account_id, key_id, *vendor, *asked, _GATEKEEPER, number)
