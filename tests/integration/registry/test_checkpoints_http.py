"""Checkpoints: an operator takes and lists them, every day has one, and the file has each of them once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keyfold.cli.commands.ledger.verification import Evidence, verify
from keyfold.domain.lifecycle.signed_head import LedgerCheckpointed
from keyfold.local.checkpoint_key import PRIVATE_KEY_NAME, PUBLIC_KEY_NAME, prepare_checkpoint_key
from keyfold.registry.commands.execution import Commands
from keyfold.registry.ledger.heads_file import CheckpointFile
from keyfold.registry.ledger.heads_filing import CheckpointFiling
from keyfold.registry.ledger.signing import DailyCheckpoints, is_due
from keyfold.registry.ledger.signing_means import CheckpointMeans
from keyfold.registry.settings import RegistrySettings
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.base import BadSettings, load
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.signed_heads import Checkpoints, RecordedCheckpoint
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.wire.events.chain import Head
from keyfold.wire.proof.signed_head import key_id_of, load_public_key, parse_line
from tests.support.eventually import eventually
from tests.support.ledger_builder import LedgerBuilder, account_created
from tests.support.registry.serving import OPERATOR, REVIEWER, Registry, instance, owner
from tests.support.runtime.tokens import SetClock
from tests.support.store.tampering import KEY, PUBLIC_KEYS, dba_of, event_of, sign_claim

PATH = "/v1/ledger/checkpoints"
AT = datetime(2030, 3, 1, 9, 30, tzinfo=UTC)


class LedgerClock(SetClock):
    """A clock that stands still, and whose ids the ledger takes."""

    def new_event_id(self) -> str:
        return SYSTEM_CLOCK.new_event_id()


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A registry that takes checkpoints, and where it files them."""

    registry: Registry
    pool: Pool
    filing: CheckpointFiling
    file: Path

    @property
    def commands(self) -> Commands:
        """What its daily task would run its commands with."""
        return Commands(Ledger(self.pool), SYSTEM_CLOCK)

    async def take(self) -> int:
        """Take a checkpoint and return the position that it vouches for."""
        taken = await self.registry.ask(OPERATOR, "POST", PATH)
        assert taken.status == 201, taken.body
        return int(taken.body["position"])

    def filed(self) -> list[int]:
        """Return the positions that the file vouches for, in its order."""
        return [parse_line(line).claim.position for line in self.file.read_bytes().splitlines()]


@asynccontextmanager
async def office_of(database: str, file: Path) -> AsyncIterator[Office]:
    """Yield a registry with a key and a file."""
    async with open_pool(database, application_name="test") as pool:
        filing = CheckpointFiling(Checkpoints(pool), CheckpointFile(file))
        async with instance(database, checkpoint_means=CheckpointMeans(key=KEY, filing=filing)) as registry:
            yield Office(registry=registry, pool=pool, filing=filing, file=file)


@pytest.fixture
async def office(database: str, tmp_path: Path) -> AsyncIterator[Office]:
    """A registry with a key and a file, and a ledger of the test's own."""
    async with office_of(database, tmp_path / "checkpoints.ndjson") as office:
        yield office


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


async def test_caught_up(office: Office, database: str, tmp_path: Path) -> None:
    """What another registry took is caught up, each once, however many catch up at the same time."""
    await office.registry.account()
    async with office_of(database, tmp_path / "other.ndjson") as other:
        for _ in range(3):
            await other.take()
    assert not office.file.exists()
    again = CheckpointFiling(Checkpoints(office.pool), CheckpointFile(office.file))
    await asyncio.gather(*(each.catch_up() for each in (office.filing, again) * 4))
    assert office.filed() == [1, 2, 3]
    assert office.file.read_bytes() == (tmp_path / "other.ndjson").read_bytes()


async def test_many_missing(office: Office, database: str) -> None:
    """However many are missing in the file, all are caught up in their order, and then only what is new."""
    builder = LedgerBuilder([account_created(1)])
    for _ in range(230):
        builder.add(event_of(sign_claim(builder.head)))
    async with dba_of(database, builder.rows):
        await office.filing.catch_up()
    assert office.filed() == list(range(1, 231))
    assert await office.take() == 231
    assert office.filed() == list(range(1, 232))


@pytest.mark.parametrize("left", [1, 100, 250])
async def test_torn_line(office: Office, left: int) -> None:
    """A line that a crash tore off is completed: nothing that was written is ever taken back."""
    await office.registry.account()
    for _ in range(2):
        await office.take()
    whole = office.file.read_bytes()
    office.file.write_bytes(torn := whole[: whole.index(b"\n") + 1 + left])
    await office.take()
    grown = office.file.read_bytes()
    assert office.filed() == [1, 2, 3]
    assert grown.startswith(torn)
    assert grown.startswith(whole)


@pytest.mark.parametrize("behind", [b"garbage\n", b"garbage", b'{"position":7}\n'])
async def test_file_of_somebody_else(office: Office, behind: bytes) -> None:
    """To a file that does not end as ours nothing is appended; the log says so, and the checkpoint stands."""
    await office.registry.account()
    await office.take()
    office.file.write_bytes(office.file.read_bytes() + behind)
    before = office.file.read_bytes()
    with capture_logs() as logs:
        await office.take()
    assert [each["event"] for each in logs if each["log_level"] == "error"] == ["checkpoints_not_filed"]
    assert office.file.read_bytes() == before
    office.file.write_bytes(before.removesuffix(behind))
    await office.filing.catch_up()
    assert office.filed() == [1, 2]


async def test_file_that_cannot_be_written(database: str, tmp_path: Path) -> None:
    """A checkpoint is taken though its file cannot be written; the log says why."""
    async with office_of(database, tmp_path / "missing" / "checkpoints.ndjson") as office:
        await office.registry.account()
        with capture_logs() as logs:
            await office.take()
    assert [each["event"] for each in logs if each["log_level"] == "error"] == ["checkpoints_not_filed"]


async def test_ledger_cut_off(office: Office, database: str) -> None:
    """A file whose last checkpoint is gone from the ledger is left as it is, and the log raises the alarm."""
    await office.registry.account()
    await office.take()
    async with dba_of(database) as dba:
        await dba.run("delete from ledger.events where position > 1")
        await dba.move_head()
    with capture_logs() as logs:
        await office.filing.catch_up()
    assert [each["event"] for each in logs] == ["checkpoint_gone_from_ledger"]
    assert office.filed() == [1]


def recorded(*, position: int, at: datetime) -> RecordedCheckpoint:
    """Return a checkpoint whose own place is right behind what it vouches for."""
    event = LedgerCheckpointed(
        position=position, head_hash=bytes(32), at=at, signing_key_id="key", signature=bytes(64)
    )
    return RecordedCheckpoint(recorded_position=position + 1, version=1, event=event)


@pytest.mark.parametrize(
    ("last", "head", "age", "due"),
    [
        (None, 0, timedelta(0), False),
        (None, 1, timedelta(0), True),
        (10, 12, timedelta(hours=24), True),
        (10, 12, timedelta(hours=24) - timedelta(microseconds=1), False),
        (10, 11, timedelta(days=400), False),
        (10, 12, timedelta(hours=-1), False),
    ],
)
def test_due(last: int | None, head: int, age: timedelta, due: bool) -> None:
    """One is due a day after the last, if the ledger has grown by more than that; the first at once."""
    before = None if last is None else recorded(position=last, at=AT - age)
    assert is_due(before, Head(position=head, hash=bytes(32)), AT) is due


async def test_daily(office: Office) -> None:
    """Every day in which something happened ends up with one checkpoint, and a day without has none."""
    clock = LedgerClock(AT)
    ledger = Ledger(office.pool)
    daily = DailyCheckpoints(
        ledger=ledger,
        commands=Commands(ledger, clock),
        checkpoints=Checkpoints(office.pool),
        key=KEY,
        filing=office.filing,
        clock=clock,
    )
    await daily.take_if_due()
    await office.registry.account()
    for expected in ([1], [1]):
        await daily.take_if_due()
        assert office.filed() == expected
    clock.at = AT + timedelta(days=1)
    await daily.take_if_due()
    assert office.filed() == [1]
    await office.registry.account()
    for _ in range(2):
        await daily.take_if_due()
    assert office.filed() == [1, 3]
    rows = await ledger.rows_after(1, 1)
    assert (rows[0][0].actor_role, rows[0][0].actor_subject) == ("keyfold", "checkpoints")


def settings_of(monkeypatch: pytest.MonkeyPatch, **given: str) -> RegistrySettings:
    """Return the settings of a registry that is told this as well."""
    told = {
        "POSTGRES_DSN": "postgresql://registry@db/keyfold",
        "JWKS": "https://issuer.example/jwks.json",
        "JWT_ISSUER": "issuer",
        "JWT_AUDIENCE": "keyfold",
        "IDEMPOTENCY_SECRET": "x" * 32,
    }
    for name, value in (told | given).items():
        monkeypatch.setenv(f"KEYFOLD_{name}", value)
    return load(RegistrySettings)


async def test_told_nothing(monkeypatch: pytest.MonkeyPatch, office: Office) -> None:
    """A registry that is told of no key starts, takes no checkpoints and warns."""
    with capture_logs() as logs:
        means = CheckpointMeans.of(settings_of(monkeypatch), office.pool)
    assert (means, list(means.tasks("", office.pool, office.commands, SYSTEM_CLOCK))) == (
        CheckpointMeans(),
        [],
    )
    assert [(each["event"], each["log_level"]) for each in logs] == [("checkpoints_off", "warning")]


@pytest.mark.parametrize("content", [None, b"", b"garbage"])
def test_bad_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None) -> None:
    """A key that cannot be used is a bad setting, told in a sentence that names it."""
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadSettings, match=r"^KEYFOLD_CHECKPOINT_KEY: .* it must be the path of an Ed25519"):
        settings_of(monkeypatch, CHECKPOINT_KEY=str(path))


async def test_told_of_a_key_and_a_file(
    monkeypatch: pytest.MonkeyPatch, office: Office, database: str, tmp_path: Path
) -> None:
    """A registry that is told of both takes the first checkpoint by itself, and files it."""
    prepare_checkpoint_key(tmp_path)
    file = tmp_path / "own.ndjson"
    key = str(tmp_path / PRIVATE_KEY_NAME)
    settings = settings_of(monkeypatch, CHECKPOINT_KEY=key, CHECKPOINT_FILE=str(file))
    await office.registry.account()
    means = CheckpointMeans.of(settings, office.pool)
    tasks = [
        asyncio.ensure_future(work)
        for _, work in means.tasks(database, office.pool, office.commands, SYSTEM_CLOCK)
    ]

    async def filed() -> bytes | None:
        return (file.read_bytes() or None) if file.exists() else None

    line = await eventually(filed)
    for each in tasks:
        each.cancel()
    await asyncio.wait(tasks)
    public = load_public_key((tmp_path / PUBLIC_KEY_NAME).read_bytes())
    evidence = Evidence(public_keys={key_id_of(public): public}, checkpoints_file=line)
    found = await verify(database, evidence, lambda proven, of: None)
    assert (found.findings, found.vouched) == ((), 1)
