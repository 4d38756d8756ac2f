"""Strangers with more connections than a port holds keep nobody out: no owner, no gateway, no probe.

`KEYFOLD_CROWD` is how many each of them holds; `make crowds` holds more of them.
"""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import pytest

from keyfold.local.service_specs import SERVICE_SPECS
from tests.support.crowd import connect_crowd
from tests.support.stack.running import RunningStack
from tests.support.stack.world import Practice, World

CROWD: Final = int(os.environ.get("KEYFOLD_CROWD", "1100"))
PATIENT: Final = "/v1/patient/7"


@pytest.mark.parametrize("service", [each.name for each in SERVICE_SPECS])
async def test_a_crowd_keeps_no_probe_out(stack: RunningStack, service: str) -> None:
    """Every service answers probes while strangers hold more connections than it does."""
    url = stack.url(service)
    port = urlsplit(url).port or 0
    async with (
        connect_crowd(CROWD, port, many_hosts=True),
        aiohttp.ClientSession() as fresh,
        fresh.get(f"{url}/livez") as answer,
    ):
        assert answer.status == 200


@pytest.mark.parametrize("many_hosts", [False, True])
async def test_an_owner_revokes_in_a_crowd(world: World, practice: Practice, many_hosts: bool) -> None:
    """A revocation goes through, and gateways are answered, while strangers hold every port on its way."""
    assert (await world.request("GET", PATIENT, practice.keys)).status == 200
    ports = [urlsplit(world.stack.url(each)).port or 0 for each in ("registry", "gatekeeper", "authz")]
    async with (
        connect_crowd(CROWD, ports[0], many_hosts=many_hosts),
        connect_crowd(CROWD, ports[1], many_hosts=many_hosts),
        connect_crowd(CROWD * 4, ports[2], many_hosts=many_hosts),
        aiohttp.ClientSession() as fresh,
    ):
        newcomer = world.after_restart(world.stack, fresh)
        assert (await newcomer.request("GET", PATIENT, practice.keys)).status == 200
        await newcomer.enforced("DELETE", practice.key_path, practice.owner)
        assert (await newcomer.request("GET", PATIENT, practice.keys)).status == 401
