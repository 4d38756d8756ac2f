"""The sample of a used stack: whatever people did to it, its commands work again after a start."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keyfold.client.endpoints import Endpoints
from keyfold.local.sample.record import FILE_NAME, Sample, save_sample
from keyfold.local.sample.seed import ensure_sample
from keyfold.local.sample.try_it import PASSES, REFUSED
from keyfold.local.signing import REVIEWER, owner
from keyfold.local.signing import vendor as vendor_with
from tests.support.stack.world import VendorWithKey, World, application

ACCOUNT, KEY = "/v1/accounts/{account}", "/v1/accounts/{account}/keys/{key}"
VENDOR, VENDOR_KEY = "/v1/vendors/{vendor}", "/v1/vendors/{vendor}/keys/{vendor_key}"
AS_SAID = [(200, []), (403, ["category_denied"])]

Deed = tuple[str, str, object]
TURN_OFF: Deed = ("PUT", f"{ACCOUNT}/integrations", {"enabled": False})
SUSPEND: Deed = ("POST", f"{VENDOR}/suspend", {"reason": "tried out"})
REVOKE_ALL: Deed = ("POST", f"{ACCOUNT}/keys/revoke", {"all": True})
REVOKE_VENDOR_KEY: Deed = ("DELETE", VENDOR_KEY, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A sample of the test's own on the shared stack: what is done to it, and what the next start does."""

    world: World
    state_dir: Path
    sample: Sample

    async def does(self, deed: Deed) -> None:
        """Do something as the practice's owner, or as a reviewer to the vendor."""
        method, path, body = deed
        who = owner(self.sample.account_id) if path.startswith(ACCOUNT) else REVIEWER
        path = path.format(
            account=self.sample.account_id,
            key=self.sample.key_id,
            vendor=self.sample.vendor_id,
            vendor_key=self.sample.vendor_key_id,
        )
        await self.world.done(method, path, who, body)

    async def next_start(self) -> tuple[Sample, list[str]]:
        """Return the sample after another start, and what that start said."""
        said: list[str] = []
        return await ensure_sample(endpoints(self.world, self.state_dir), said.append), said

    async def answers(self, sample: Sample) -> list[tuple[int, list[str]]]:
        """Send the screen's two requests, and return the status and the reasons of each."""
        keys = (("x-api-key", sample.vendor_secret), ("A-api-key", sample.key_secret))
        answers = [await self.world.ask("gateway", "GET", path, headers=keys) for path in (PASSES, REFUSED)]
        return [(answer.status, answer.reasons) for answer in answers]

    async def works(self, sample: Sample) -> None:
        """Require that its commands work as they say, and that a start finds nothing to do."""
        assert await self.answers(sample) == AS_SAID
        assert await self.next_start() == (sample, [])


def endpoints(world: World, state_dir: Path) -> Endpoints:
    """Return the endpoints of the shared stack, with another record of its sample."""
    urls = {name: world.stack.url(name) for name in ("registry", "gatekeeper")}
    return Endpoints(urls=urls, state_dir=state_dir)


@pytest.fixture
async def tried(world: World, tmp_path: Path) -> Tried:
    """A new sample, with its record in a directory of its own."""
    shutil.copy(world.stack.state_dir / "signing-key.pem", tmp_path)
    sample = await ensure_sample(endpoints(world, tmp_path))
    return Tried(world=world, state_dir=tmp_path, sample=sample)


def edit(**changes: object) -> Deed:
    """Edit the subscriber key."""
    return ("PATCH", KEY, changes)


@pytest.mark.parametrize(
    ("deed", "fault"),
    [
        (REVOKE_ALL, "is revoked"),
        (("POST", f"{KEY}/rotate", {"overlap_s": 0}), "was given another secret"),
        (("POST", f"{KEY}/rotate", {"overlap_s": 600}), "was given another secret"),
        (edit(expires_at="2999-01-01T00:00:00Z"), "has an end"),
        (edit(rate_limit={"requests": 1, "per_s": 86_400}), "has a rate limit"),
        (edit(permissions={"clinical": "read"}), "allows other things now"),
        (edit(permissions={"appointment": "none"}), "allows other things now"),
        (edit(networks=["192.0.2.0/24"]), "allows other things now"),
    ],
)
async def test_key(tried: Tried, deed: Deed, fault: str) -> None:
    """Where its subscriber key no longer does what the screen says, a start makes another one of the same
    practice and says why."""
    await tried.does(deed)

    sample, said = await tried.next_start()

    assert said == [f'the sample\'s key "Front desk" {fault}: there is a new one']
    assert sample == replace(tried.sample, key_id=sample.key_id, key_secret=sample.key_secret)
    assert sample.key_id != tried.sample.key_id
    await tried.works(sample)


async def test_key_for_others(tried: Tried, vendor: VendorWithKey) -> None:
    """A key that only another vendor may use counts as one that no longer works as the screen says."""
    await tried.does(edit(vendor_ids=[vendor.vendor_id]))

    sample, said = await tried.next_start()

    assert said == ['the sample\'s key "Front desk" allows other things now: there is a new one']
    await tried.works(sample)


async def test_harmless(tried: Tried) -> None:
    """A key that was edited and still works as the screen says is left alone."""
    await tried.does(edit(name="Back desk", permissions={"appointment": "read", "files": "write"}))
    await tried.does(edit(networks=["127.0.0.0/8"], vendor_ids=[tried.sample.vendor_id]))

    await tried.works(tried.sample)


OFF = "the integrations of Harbour Street Dental were off: they are turned on"
SUSPENDED = "Recall Reminders was suspended: it is reinstated"
REVOKED = "the key of Recall Reminders is revoked: it gets a new one"
REPLACED = "the key of Recall Reminders was given another secret: it gets a new one"
KEY_REVOKED = 'the sample\'s key "Front desk" is revoked: there is a new one'


@pytest.mark.parametrize(
    ("deeds", "expected"),
    [
        ([TURN_OFF], [OFF]),
        ([SUSPEND], [SUSPENDED]),
        ([REVOKE_VENDOR_KEY], [REVOKED]),
        ([("POST", f"{VENDOR_KEY}/rotate", {"overlap_s": 600})], [REPLACED]),
        ([TURN_OFF, REVOKE_VENDOR_KEY, SUSPEND, REVOKE_ALL], [OFF, SUSPENDED, REVOKED, KEY_REVOKED]),
    ],
)
async def test_others(tried: Tried, deeds: list[Deed], expected: list[str]) -> None:
    """Anything else that was turned off, taken away or replaced is put right, each with a message."""
    for deed in deeds:
        await tried.does(deed)

    sample, said = await tried.next_start()

    assert said == expected
    assert (sample.account_id, sample.vendor_id) == (tried.sample.account_id, tried.sample.vendor_id)
    await tried.works(sample)


async def test_vendor_turned_down(tried: Tried) -> None:
    """A rejected vendor stays rejected, and another one is approved."""
    who = vendor_with(None, sub=f"turned-down-{tried.sample.vendor_id}")
    applied = await tried.world.done("POST", "/v1/vendors", who, application("Turned Down"))
    turned_down = replace(tried.sample, vendor_id=applied["vendor_id"], vendor_name="Turned Down")
    await replace(tried, sample=turned_down).does(("POST", f"{VENDOR}/reject", {"reason": "tried out"}))
    save_sample(tried.state_dir, turned_down)

    sample, said = await tried.next_start()

    assert said == ["Turned Down was rejected: another vendor is let in"]
    assert (sample.account_id, sample.key_id) == (tried.sample.account_id, tried.sample.key_id)
    await tried.works(sample)


@pytest.mark.parametrize("content", ["", '{"account_id": "acc_', "[]", "{}", '{"account_id": 7}', "\x00"])
async def test_damaged(tried: Tried, content: str) -> None:
    """A file that is empty, cut short or something else is called damaged, and another sample is made."""
    (tried.state_dir / FILE_NAME).write_text(content)

    sample, said = await tried.next_start()

    assert said == ["sample.json is damaged: another sample practice is made"]
    assert sample.account_id != tried.sample.account_id
    await tried.works(sample)


@pytest.mark.parametrize(
    "strange", [{"account_id": "acc_000000000000"}, {"vendor_id": "ven_000000000000"}, {"key_id": "../../x?"}]
)
async def test_of_another_database(tried: Tried, strange: dict[str, str]) -> None:
    """A sample that this database does not know completely is abandoned, and another one is made."""
    save_sample(tried.state_dir, replace(tried.sample, **strange))

    sample, said = await tried.next_start()

    assert said == ["Harbour Street Dental could not be mended: another sample practice is made"]
    await tried.works(sample)


async def test_new_key_has_a_history(tried: Tried) -> None:
    """A new key is made by its owner's own command, as its history shows."""
    await tried.does(REVOKE_ALL)
    sample, _ = await tried.next_start()

    path = f"/v1/accounts/{sample.account_id}/keys/{sample.key_id}/history"
    (made,) = (await tried.world.done("GET", path, owner(sample.account_id)))["items"]

    assert made["actor"]["role"] == "owner"
