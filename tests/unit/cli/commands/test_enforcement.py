"""`keyfold enforcement`: how far each gatekeeper is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from keyfold.cli.commands.operating.enforcement import listing
from keyfold.cli.screen import Tone, Toned
from tests.support.cli.registry_double import serving

STANDING = {
    "id": "0193-a",
    "host": "host-1",
    "applied_position": 41,
    "renewed_at": "2026-11-23T12:00:00.000000Z",
    "lease_until": None,
    "in_the_way": True,
}


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run away from any local stack."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("enforced", "status"), [(True, 0), (False, 3)])
@pytest.mark.parametrize("arguments", [(), ("42",)])
async def test_enforcement(enforced: bool, status: int, arguments: tuple[str, ...]) -> None:
    """The whole answer is shown, and the exit status is 3 if the position is not in force everywhere."""
    answer: dict[str, Any] = {"position": 42, "enforced": enforced, "gatekeepers": [STANDING]}
    async with serving(answer) as registry:
        ended = await registry.keyfold("enforcement", *arguments, "--json")
    assert orjson.loads(ended.stdout) == answer
    assert ended.exit_code == status
    assert [asked.path for asked in registry.asked] == ["/v1/enforcement"]


def test_in_the_way_is_bad() -> None:
    """A gatekeeper in the way is what an operator looks for: that word is red, and a no is not."""
    others = {**STANDING, "in_the_way": False}
    shown = listing({"position": 42, "enforced": False, "gatekeepers": [STANDING, others]})
    assert [row[-1] for row in shown.rows] == [Toned("yes", Tone.BAD), "no"]


async def test_no_position(tmp_path: Path) -> None:
    """Text that is not a position is refused before anything is sent."""
    async with serving({}) as registry:
        ended = await registry.keyfold("enforcement", "head")
    assert (ended.exit_code, registry.asked) == (2, [])
