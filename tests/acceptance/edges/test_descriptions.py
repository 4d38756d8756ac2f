"""Each service does what its OpenAPI document says, whatever schemathesis sends, with all its checks."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import aiohttp
import orjson
import pytest

from keyfold.local.service_specs import SERVICES
from tests.support.stack.running import RunningStack, running
from tests.support.stack.world import Practice, World

SCHEMATHESIS = (sys.executable, Path(sys.executable).parent / "schemathesis")
IS_LONG = bool(os.environ.get("KEYFOLD_FUZZ"))
EXAMPLES = 100 if IS_LONG else 5
SECONDS_MAX = 1800 if IS_LONG else 300
# Those that a stranger reaches; of the others most answer probes alone.
DESCRIBED = [spec.name for spec in SERVICES] if IS_LONG else ["registry", "audit"]
NO_LIMITS = {"KEYFOLD_COMMANDS_PER_MINUTE": "0", "KEYFOLD_FAILURES_PER_MINUTE": "0"}
ACCEPTED = {"gatekeeper": ["2xx", "401", "403", "404"], "audit": ["2xx", "400", "404"]}
CASES = re.compile(r"^  (\d+) generated, (.*)$", re.MULTILINE)

_CONFIG = """
seed = 20261123
workers = 1
continue-on-failure = true

[generation]
deterministic = true
max-examples = {examples}

[phases.coverage]
enabled = {covers}

[checks]
enabled = true

# A right token is never refused. What the description allows may be stale (412), known (304)
# or against a rule of the domain (409, 422 and audit's 400, and a check of ours looks at which); gateways
# are told of keys that do not work by 401 or 403.
[checks.positive_data_acceptance]
expected-statuses = {accepted}

[dictionaries]
{dictionaries}

[parameters]
"path.account_id" = {{ dictionary = "account_id", probability = 0.8 }}
"path.vendor_id" = {{ dictionary = "vendor_id", probability = 0.8 }}
"path.key_id" = {{ dictionary = "key_id", probability = 0.8 }}
"header.If-Match" = {{ dictionary = "etag", probability = 0.8 }}
"header.If-None-Match" = {{ dictionary = "other_etag", probability = 0.9 }}
"header.Prefer" = {{ dictionary = "wait", probability = 0.8 }}

# A stream has no end, and schemathesis waits for one. What streams do has tests of its own.
[[operations]]
include-path-regex = "/activity/stream$"
enabled = false

# A deleted key is revoked, and stays to be looked at; that it is shown as such is a check of ours.
[[operations]]
include-path-regex = "/keys/"
checks = {{ use_after_free = {{ enabled = false }} }}

# What is wrong with a question of a batch is told within the answer, and fails no other.
[[operations]]
include-path-regex = "^/v1/decide/batch"
checks = {{ negative_data_rejection = {{ enabled = false }} }}

{left_out}

# Gateways may ask with any method at all, and OpenAPI can only list some.
[[operations]]
include-path-regex = "^/authz"
checks = {{ unsupported_method = {{ enabled = false }} }}
"""

# What is put together from the same parts as its neighbours is asked of in the long form alone.
_LEFT_OUT = """
[[operations]]
include-path-regex = "^/v1/(accounts/.*/keys/.*|vendors/.*)/activity|^/authz/"
enabled = false
"""


@pytest.fixture(scope="module")
async def unlimited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A stack on which a caller may call as often as it likes."""
    async with (
        running(tmp_path_factory.mktemp("unlimited"), NO_LIMITS) as stack,
        aiohttp.ClientSession() as session,
    ):
        yield World(stack, session)


@pytest.fixture(scope="module")
async def existing(unlimited: World) -> Practice:
    """Things that exist on that stack."""
    return await unlimited.practice(await unlimited.vendor())


@pytest.mark.timeout(SECONDS_MAX)
@pytest.mark.parametrize("service", DESCRIBED)
async def test_a_service_does_as_it_describes(
    unlimited: World, existing: Practice, service: str, tmp_path: Path
) -> None:
    """Whatever schemathesis sends, the answer is one that the description allows."""
    config = tmp_path / "schemathesis.toml"
    config.write_text(_config(service, existing))
    status, report = await _schemathesis(unlimited.stack, existing, service, config)
    counted = CASES.search(report)
    assert status == 0, report
    assert counted is not None, report
    print(f"{service}: {counted[1]} cases")


def _config(service: str, existing: Practice) -> str:
    known = {
        "account_id": [existing.account_id],
        "vendor_id": [existing.vendor.vendor_id],
        "key_id": [existing.key_id, existing.vendor.key_id],
        "etag": ["*", '"1"', '"2"'],
        "other_etag": ['"998"', 'W/"999"', '"1", "2"'],
        "wait": ["wait=0", "wait=1", "respond-async, wait=2"],
    }
    return _CONFIG.format(
        examples=EXAMPLES,
        covers=str(IS_LONG).lower(),
        accepted=_toml(ACCEPTED.get(service, ["2xx", "304", "404", "409", "412", "422"])),
        left_out="" if IS_LONG else _LEFT_OUT,
        dictionaries="\n".join(f"{name} = {{ values = {_toml(values)} }}" for name, values in known.items()),
    )


def _toml(values: Sequence[str]) -> str:
    return orjson.dumps(values).decode()


async def _schemathesis(
    stack: RunningStack, existing: Practice, service: str, config: Path
) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *SCHEMATHESIS,
        f"--config-file={config}",
        "run",
        f"{stack.url(service)}/openapi.json",
        "--no-color",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=config.parent,
        env={**os.environ, **_told(stack, existing, service)},
    )
    report, _ = await process.communicate()
    return process.returncode or 0, report.decode()


def _told(stack: RunningStack, existing: Practice, service: str) -> Mapping[str, str]:
    headers = {
        "X-Gateway-Token": stack.record["gateway_token"],
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Uri": "/v1/appointment",
        **dict(existing.keys),
    }
    return {
        "SCHEMATHESIS_HOOKS": "tests.support.stack.fuzz_hooks",
        "KEYFOLD_FUZZED": str(stack.state_dir),
        "KEYFOLD_FUZZED_SERVICE": service,
        "KEYFOLD_FUZZED_HEADERS": orjson.dumps(headers).decode(),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
