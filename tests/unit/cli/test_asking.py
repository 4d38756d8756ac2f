"""`keyfold key can` and `keyfold shadow`: what a gatekeeper is asked, and what is shown of its answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from keyfold.cli.commands.keys.can import shown_answer
from keyfold.cli.commands.operating.shadow import listing
from keyfold.cli.screen import Listing, Tone, Toned
from tests.support.cli.registry_double import serving
from tests.support.cli.screens import render_lines

ALLOWED: dict[str, Any] = {
    "decision": "allow",
    "reason": None,
    "status": 200,
    "account_id": "acc_1",
    "subscriber_key_id": "key_1",
    "vendor_id": "ven_1",
    "category": "financial",
    "access": "write",
    "position": 7,
    "at": "2026-03-01T00:00:00.000000Z",
    "checks": [
        {"check": "missing_vendor_key", "outcome": "not_applicable"},
        {"check": "vendor_suspended", "outcome": "passed"},
        {"check": "category_denied", "outcome": "passed"},
    ],
    "changes": [],
}
DENIED = {
    **ALLOWED,
    "decision": "deny",
    "reason": "category_denied",
    "status": 403,
    "checks": [*ALLOWED["checks"][:2], {"check": "category_denied", "outcome": "failed"}],
    "changes": [{"check": "category_denied", "change": "Grant write to financial.", "by": "owner"}],
}
MAPPED = {"line": 3, "pattern": "/v1/bill/**", "category": "financial", "access": "read"}
UNMAPPED = dict.fromkeys(MAPPED)
SHADOW: dict[str, Any] = {
    "running": True,
    "since": "2026-03-01T00:00:00.000000Z",
    "compared": 12,
    "not_kept": 0,
    "items": [
        {
            "method": "GET",
            "old": MAPPED,
            "new": UNMAPPED,
            "becomes": "allow_to_deny",
            "count": 5,
            "first_at": "2026-03-01T00:00:00.000000Z",
            "last_at": "2026-03-02T00:00:00.000000Z",
            "examples": ["/v1/bill/{}/lines"],
        }
    ],
}


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run away from any local stack."""
    monkeypatch.chdir(tmp_path)


def on_wide(shown: Listing) -> str:
    """Return what a person sees on a wide terminal."""
    return "\n".join(render_lines(shown, 200))


@pytest.mark.parametrize(
    ("options", "question"),
    [
        (
            "--vendor ven_1 --method GET --path /v1/patient/7",
            {"vendor_id": "ven_1", "method": "GET", "path": "/v1/patient/7"},
        ),
        (
            "--vendor key_2 --category patient --access read --client-ip 192.0.2.1 --at 2027-01-01T00:00:00Z",
            {
                "vendor_key_id": "key_2",
                "category": "patient",
                "access": "read",
                "client_ip": "192.0.2.1",
                "at": "2027-01-01T00:00:00Z",
            },
        ),
    ],
)
async def test_what_is_asked(options: str, question: dict[str, str]) -> None:
    """The question has what is named and nothing else; it is no command, so it has no send options."""
    async with serving(ALLOWED) as gatekeeper:
        done = await gatekeeper.keyfold("key", "can", "key_1", *options.split())
    assert done.exit_code == 0
    assert orjson.loads(done.stdout) == ALLOWED
    (asked,) = gatekeeper.asked
    assert (asked.method, asked.path, asked.idempotency_key) == ("POST", "/v1/decide", None)
    assert asked.body == {"subscriber_key_id": "key_1", **question}


async def test_no_is_told_by_the_status() -> None:
    """A script can ask: a denial exits with 1, and still shows the answer."""
    async with serving(DENIED) as gatekeeper:
        done = await gatekeeper.keyfold(
            "key", "can", "key_1", "--vendor", "ven_1", "--method", "GET", "--path", "/"
        )
    assert done.exit_code == 1
    assert orjson.loads(done.stdout) == DENIED


def test_what_a_person_sees() -> None:
    """A person sees the checks that apply, what to change and who can, and the verdict in a line."""
    denied = on_wide(shown_answer(DENIED))
    assert "missing_vendor_key" not in denied
    assert "Grant write to financial.  owner" in denied
    assert "No, category_denied (403): write financial, as of position 7." in denied
    assert "Yes: write financial, as of position 7." in on_wide(shown_answer(ALLOWED))
    public = {**ALLOWED, "public": True, "category": None, "access": None}
    assert "Yes, without a key: the route is public, as of position 7." in on_wide(shown_answer(public))
    nothing_mapped = {**DENIED, "category": None, "access": None, "reason": "unmapped_route"}
    assert "No, unmapped_route (403), as of position 7." in on_wide(shown_answer(nothing_mapped))


def test_colours_are_what_is_meant() -> None:
    """A check that passed is green and one that failed is red, though its name is that of a denial."""
    checks = [*DENIED["checks"], {"check": "read_only", "outcome": "not_evaluated"}]
    shown = shown_answer({**DENIED, "checks": checks})
    assert [row[:2] for row in shown.rows] == [
        ("vendor_suspended", Toned("passed", Tone.GOOD)),
        ("category_denied", Toned("failed", Tone.BAD)),
        ("read_only", Toned("not evaluated", Tone.ASIDE)),
    ]


async def test_the_shadow_as_json() -> None:
    """A program gets the whole answer, not only its list."""
    async with serving(SHADOW) as gatekeeper:
        done = await gatekeeper.keyfold("shadow")
    assert (done.exit_code, orjson.loads(done.stdout)) == (0, SHADOW)
    assert [(each.method, each.path) for each in gatekeeper.asked] == [("GET", "/v1/shadow")]


def test_the_shadow_as_a_person_sees_it() -> None:
    """A person sees what each map makes of a request, what would become of it, and how many were compared."""
    table = on_wide(listing(SHADOW))
    assert "allow to deny" in table
    assert "financial read (line 3, /v1/bill/**)" in table
    assert "unmapped" in table
    assert "/v1/bill/{}/lines" in table
    assert "12 decisions compared since 2026-03-01 00:00:00Z." in table


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"items": []}, "The maps agree so far."),
        ({"running": False}, "it has stopped on a fault"),
        ({"not_kept": 4}, "4 differences found no room"),
        ({"running": False, "since": None, "items": [], "compared": 0}, "Shadow mode is off"),
    ],
)
def test_what_else_is_said_of_the_shadow(changed: dict[str, Any], words: str) -> None:
    """The note says that all is well, that something is missing, or that nothing is compared."""
    assert words in on_wide(listing({**SHADOW, **changed}))
