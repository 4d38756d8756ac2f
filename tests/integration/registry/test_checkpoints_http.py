"""Checkpoints: an operator takes and lists them, and the registry is told of a key and a file for them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keyfold.cli.commands.ledger.verification import Evidence, verify
from keyfold.local.signing_keys import CHECKPOINT_KEY, SEAL_KEY, prepare_keys
from keyfold.registry.ledger.signing_means import CheckpointMeans
from keyfold.registry.settings import RegistrySettings
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.base import BadSettings, load
from keyfold.wire.proof.signed_head import key_id_of, load_public_key
from tests.support.eventually import eventually
from tests.support.registry.office import PATH, Office
from tests.support.registry.serving import OPERATOR, REVIEWER, instance, owner
from tests.support.seals import ledger_on
from tests.support.wire.signed_heads import KEY, PUBLIC_KEYS


async def test_without_a_key(database: str) -> None:
    """A registry without a key takes none, says what to set, and lists what others took."""
    async with instance(database) as registry:
        await registry.account()
        refused = await registry.ask(OPERATOR, "POST", PATH)
        assert (refused.status, refused.slug) == (409, "checkpoints-off")
        assert "KEYFOLD_CHECKPOINT_KEY" in refused.body["detail"]
        assert (await registry.ask(OPERATOR, "GET", PATH)).body == {"items": [], "next_cursor": None}


async def test_empty_ledger(office: Office) -> None:
    """Of nothing there is no checkpoint."""
    refused = await office.registry.ask(OPERATOR, "POST", PATH)
    assert (refused.status, refused.slug) == (409, "ledger-empty")


async def test_taken(office: Office, database: str) -> None:
    """A checkpoint vouches for the head before it, is an event itself, is filed, and proves genuine."""
    await office.registry.account()
    head = await office.registry.ledger.head()
    taken = await office.registry.ask(OPERATOR, "POST", PATH)
    assert taken.status == 201
    assert (taken.body["position"], taken.body["head_hash"]) == (head.position, head.hash.hex())
    assert taken.body["signing_key_id"] == key_id_of(KEY.public_key())
    assert (await office.registry.ledger.head()).position == head.position + 1
    assert (await office.registry.ask(OPERATOR, "GET", PATH)).body["items"] == [taken.body]
    evidence = Evidence(public_keys=PUBLIC_KEYS, checkpoints_file=office.file.read_bytes())
    found = await verify(database, evidence, lambda proven, of: None)
    assert (found.findings, found.vouched, found.filed_checkpoints) == ((), head.position, 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_only_operators(office: Office, method: str) -> None:
    """Checkpoints are an operator's business."""
    for caller in (REVIEWER, owner("acc_000000000001")):
        assert (await office.registry.ask(caller, method, PATH)).status == 403


async def test_pages(office: Office) -> None:
    """The list goes from the newest to the oldest, a page at a time, and a new one moves no page."""
    await office.registry.account()
    taken = [await office.take() for _ in range(5)]
    assert taken == [1, 2, 3, 4, 5]
    seen, cursor = [], ""
    for _ in range(3):
        body = (await office.registry.ask(OPERATOR, "GET", f"{PATH}?limit=2{cursor}")).body
        seen += [each["position"] for each in body["items"]]
        cursor = f"&cursor={body['next_cursor']}"
        await office.take()
    assert (seen, body["next_cursor"]) == ([5, 4, 3, 2, 1], None)


async def test_taken_at_once(office: Office, database: str) -> None:
    """Of many that are asked for at once all that are taken are in order, and the others did nothing."""
    await office.registry.account()
    async with instance(database, checkpoint_means=CheckpointMeans(key=KEY)) as other:
        answers = await asyncio.gather(
            *(each.ask(OPERATOR, "POST", PATH) for each in (office.registry, other) for _ in range(10))
        )
    assert {each.status for each in answers} <= {201, 409}
    assert {each.slug for each in answers if each.status == 409} <= {"checkpoint-overtaken", "lost-race"}
    done = sorted(each.body["position"] for each in answers if each.status == 201)
    assert len(done) == len(set(done)) >= 1
    await office.filing.catch_up()
    assert office.filed() == done
    assert (await verify(database, Evidence(public_keys=PUBLIC_KEYS), lambda *_: None)).findings == ()


def settings_of(monkeypatch: pytest.MonkeyPatch, directory: Path, **given: str) -> RegistrySettings:
    """Return the settings of a registry that is told this as well."""
    told = {
        "POSTGRES_DSN": "postgresql://registry@localhost/keyfold",
        "JWKS": "https://issuer.example/jwks.json",
        "JWT_ISSUER": "issuer",
        "JWT_AUDIENCE": "keyfold",
        "IDEMPOTENCY_SECRET": "x" * 32,
        "SEAL_KEY": str(SEAL_KEY.private(prepare_keys(directory))),
    }
    for name, value in (told | given).items():
        monkeypatch.setenv(f"KEYFOLD_{name}", value)
    return load(RegistrySettings)


async def test_told_nothing(monkeypatch: pytest.MonkeyPatch, office: Office, tmp_path: Path) -> None:
    """A registry that is told of no key starts, takes no checkpoints and warns."""
    with capture_logs() as logs:
        means = CheckpointMeans.of(settings_of(monkeypatch, tmp_path), office.pool)
    tasks = list(means.tasks("", ledger_on(office.pool), office.pool, office.commands, SYSTEM_CLOCK))
    assert (means, tasks) == (CheckpointMeans(), [])
    assert [(each["event"], each["log_level"]) for each in logs] == [("checkpoints_off", "warning")]


@pytest.mark.parametrize("content", [None, b"", b"garbage"])
def test_bad_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None) -> None:
    """A key that cannot be used is a bad setting, told in a sentence that names it."""
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadSettings, match=r"^KEYFOLD_CHECKPOINT_KEY: .* it must be the path of an Ed25519"):
        settings_of(monkeypatch, tmp_path, CHECKPOINT_KEY=str(path))


async def test_told_of_a_key_and_a_file(
    monkeypatch: pytest.MonkeyPatch, office: Office, database: str, tmp_path: Path
) -> None:
    """A registry that is told of both takes the first checkpoint by itself, and files it."""
    prepare_keys(tmp_path)
    file = tmp_path / "own.ndjson"
    key = str(CHECKPOINT_KEY.private(tmp_path))
    settings = settings_of(monkeypatch, tmp_path, CHECKPOINT_KEY=key, CHECKPOINT_FILE=str(file))
    await office.registry.account()
    means = CheckpointMeans.of(settings, office.pool)
    ledger = ledger_on(office.pool)
    tasks = [
        asyncio.ensure_future(work)
        for _, work in means.tasks(database, ledger, office.pool, office.commands, SYSTEM_CLOCK)
    ]

    async def filed() -> bytes | None:
        return (file.read_bytes() or None) if file.exists() else None

    line = await eventually(filed)
    for each in tasks:
        each.cancel()
    await asyncio.wait(tasks)
    public = load_public_key(CHECKPOINT_KEY.public(tmp_path).read_bytes())
    evidence = Evidence(public_keys={key_id_of(public): public}, checkpoints_file=line)
    found = await verify(database, evidence, lambda proven, of: None)
    assert (found.findings, found.vouched) == ((), 1)
