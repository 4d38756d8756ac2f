"""Secrets pass through everything, and are written down nowhere."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import pytest
from multidict import CIMultiDict
from yarl import URL

from keyfold.local.servers.kafka_users import USERS
from keyfold.local.service_specs import SERVICES
from keyfold.local.signing import Claims, LocalSigner
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import rfc3339
from tests.support.eventually import eventually
from tests.support.stack.at_the_console import Visitor, pages
from tests.support.stack.canaries import Canaries, found, secret_part
from tests.support.stack.careless import (
    JSON,
    Careless,
    in_broken_requests,
    through_gateway,
    to_audit,
    to_gatekeeper,
    to_registry,
)
from tests.support.stack.evidence import at_the_terminal, gather
from tests.support.stack.running import RunningStack, freeze, running, screen_of
from tests.support.stack.world import OPERATOR, REVIEWER, applicant, application

# Its own limits are not what is tried here; and whatever could be logged is.
SETTINGS: Final = {
    "KEYFOLD_LOG_LEVEL": "debug",
    "KEYFOLD_COMMANDS_PER_MINUTE": "0",
    "KEYFOLD_FAILURES_PER_MINUTE": "0",
}
PERMISSIONS: Final = {"patient": "write", "appointment": "read"}
LOGINS: Final = tuple(spec.name for spec in SERVICES if spec.logs_in)
PASSWORDS: Final = frozenset(f"the password of {name}" for name in LOGINS)
SAMPLE: Final = frozenset({"the sample's vendor key", "the sample's subscriber key"})

KEPT: Final[Mapping[str, frozenset[str]]] = {
    "home/.keyfold/gateway-token": frozenset({"the gateway's token"}),
    "home/.keyfold/idempotency-secret": frozenset({"the secret that answers are sealed under"}),
    "home/.keyfold/session-secret": frozenset({"the secret that sessions are sealed under"}),
    "home/.keyfold/postgres-logins.json": PASSWORDS,
    "home/.keyfold/postgres/password": frozenset({"the superuser's password"}),
    "home/.keyfold/kafka/server.properties": frozenset({"Kafka's password of admin"}),
    **{f"home/.keyfold/kafka/passwords/{user}": frozenset({f"Kafka's password of {user}"}) for user in USERS},
    "home/.keyfold/signing-key.pem": frozenset({"the key that tokens are signed with"}),
    "home/.keyfold/checkpoint-key.pem": frozenset({"the key that checkpoints are signed with"}),
    "home/.keyfold/sample.json": SAMPLE,
    # What a local stack tells its user and the commands that its user gives.
    "home/.keyfold/stack.json": PASSWORDS | {"the superuser's password", "the gateway's token"},
    "home/screen.txt": SAMPLE,
    "evidence/screen of the first run": SAMPLE,
}
"""The files that exist to keep a secret, all readable by the user alone, and which secrets."""


@dataclass(slots=True, kw_only=True)
class People:
    """Everybody who calls a stack, with one token each, and a record of all their answers."""

    stack: RunningStack
    session: aiohttp.ClientSession
    canaries: Canaries
    answers: Path

    def token(self, who: Claims) -> str:
        """Return somebody's one token."""
        name = f"the token of {who.role} {who.account_id or who.vendor_id or who.sub}"
        if name not in self.canaries.sent:
            signed = LocalSigner(self.stack.state_dir).sign(who, now=SYSTEM_CLOCK.now(), ttl_s=3600)
            self.canaries.token(name, signed)
        return self.canaries.sent[name]

    async def ask(self, careless: Careless, who: Claims) -> bytes:
        """Send a request, whatever is wrong with it, and record all of the answer that is Keyfold's."""
        headers = CIMultiDict(careless.headers)
        if careless.authorized:
            headers["Authorization"] = f"Bearer {self.token(who)}"
        url = URL(self.stack.url(careless.service) + careless.target, encoded=True)
        async with self.session.request(
            careless.method, url, headers=headers, data=careless.body, allow_redirects=False
        ) as response:
            body = await response.read()
            if careless.service != "gateway" or response.status >= 400:  # else it is the API's
                self.note(f"{response.status} {response.headers}\n".encode() + body)
            return body

    async def done(
        self, method: str, path: str, who: Claims, body: object = None, idempotency_key: str = ""
    ) -> Any:
        """Send the registry a command that is in force when it returns; its answer may hold a secret."""
        headers = {"Authorization": f"Bearer {self.token(who)}", "Prefer": "wait=20"}
        if idempotency_key:
            headers["Idempotency-Key"] = self.canaries.plain(
                f"Idempotency-Key {idempotency_key[:9]}", idempotency_key
            )
        url = self.stack.url("registry") + path
        async with self.session.request(method, url, headers=headers, json=body) as response:
            answer = orjson.loads(await response.read())
            assert response.status < 400, answer
            self.note(f"{response.headers}\n".encode() + orjson.dumps({**answer, "secret": "…", "code": "…"}))
            return answer

    async def passes(self, vendor_key: str, key: str, path: str = "/v1/patient/7") -> int:
        """Send a request through the gateway; the API must not get the keys."""
        headers = {"x-api-key": vendor_key, "A-api-key": key}
        async with self.session.get(self.stack.url("gateway") + path, headers=headers) as response:
            self.note(f"{response.headers}\n".encode() + await response.read())
            return response.status

    def note(self, answer: bytes) -> None:
        """Record an answer, to be searched."""
        with self.answers.open("ab") as file:
            file.write(answer + b"\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What exists after everything ordinary has been done."""

    owner: Claims
    account: str
    vendor: str
    vendor_key: str
    key: str

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Both keys, as headers."""
        return (("x-api-key", self.vendor_key), ("A-api-key", self.key))


@asynccontextmanager
async def people(home: Path, canaries: Canaries, answers: Path) -> AsyncIterator[People]:
    """Run the stack, and everybody who calls it."""
    async with running(home, SETTINGS) as stack, aiohttp.ClientSession() as session:
        canaries.kept_by(stack.state_dir)
        yield People(stack=stack, session=session, canaries=canaries, answers=answers)


async def story(people: People) -> Story:
    """Make keys of both kinds, rotate them twice, lose one, use all, and let somebody in by a code."""
    canaries = people.canaries
    applied = await people.done("POST", "/v1/vendors", applicant(0), application("Recall Robots"))
    vendor = f"/v1/vendors/{applied['vendor_id']}"
    for kind in ("security", "compliance"):
        review = {"kind": kind, "verdict": "pass", "notes": "seen"}
        await people.done("POST", f"{vendor}/reviews", REVIEWER, review)
    await people.done("POST", f"{vendor}/approve", REVIEWER)
    opened = await people.done("POST", "/v1/accounts", OPERATOR, {"name": "Practice"})
    account = f"/v1/accounts/{opened['account_id']}"
    owner = Claims(role="owner", sub="oscar", account_id=opened["account_id"])
    await people.done("PUT", f"{account}/integrations", owner, {"enabled": True})

    await let_in(people, opened["account_id"])
    body = {"name": "Front desk", "permissions": PERMISSIONS}
    issued = await people.done("POST", f"{vendor}/keys", REVIEWER, None, "issue-it--" + "e7" * 20)
    made = await people.done("POST", f"{account}/keys", owner, body, "create-it-" + "a1" * 20)
    again = await people.done("POST", f"{account}/keys", owner, body, "create-it-" + "a1" * 20)
    assert again["secret"] == made["secret"]
    vendor_keys = [canaries.key("vendor key 0", issued["secret"])]
    keys = [canaries.key("subscriber key 0", made["secret"])]
    for number, overlap_s in ((1, 0), (2, 86_400)):
        for path, who, sort, secrets in (
            (f"{vendor}/keys/{issued['key']['key_id']}", REVIEWER, "vendor", vendor_keys),
            (f"{account}/keys/{made['key']['key_id']}", owner, "subscriber", keys),
        ):
            rotation = {"overlap_s": overlap_s}
            rotated = await people.done(
                "POST", f"{path}/rotate", who, rotation, f"{sort[:7]}-{number}" + "b2" * 20
            )
            secrets.append(canaries.key(f"{sort} key {number}", rotated["secret"]))
    gone = await people.done("POST", f"{account}/keys", owner, body)
    keys.append(canaries.key("revoked subscriber key", gone["secret"]))
    await people.done("DELETE", f"{account}/keys/{gone['key']['key_id']}", owner)
    statuses = {await people.passes(each, key) for each in vendor_keys for key in keys}
    assert statuses == {200, 401}
    return Story(owner=owner, account=account, vendor=vendor, vendor_key=vendor_keys[-1], key=keys[-2])


async def let_in(people: People, account_id: str) -> None:
    """Invite somebody to an account, who looks, accepts, and comes by a link that works once."""
    canaries, nora = people.canaries, Claims(role=None, sub="nora")
    made = await people.done(
        "POST", "/v1/invitations", OPERATOR, {"account_id": account_id}, "invite-it" + "c3" * 20
    )
    code = {"code": canaries.key("invitation", made["code"])}
    for what in ("look", "accept", "look"):
        await people.done("POST", f"/v1/invitations/{what}", nora, code)
    ends = rfc3339(SYSTEM_CLOCK.now() + timedelta(seconds=90))
    link = {"link_id": canaries.plain("link", "d4F6" * 11), "expires_at": ends}
    for _ in range(2):
        spend = Careless(
            service="registry",
            method="POST",
            target="/v1/links/spend",
            headers=(JSON,),
            body=orjson.dumps(link),
        )
        await people.ask(spend, nora)


def careless_requests(canaries: Canaries, it: Story) -> Iterator[tuple[Careless, Claims]]:
    """Yield every request with every secret where none belongs, and who sends it."""
    token = canaries.sent["the gateway's token"]
    own_token = next(name for name in canaries.sent if name.startswith("the token of owner"))
    keys = ("vendor key 0", "vendor key 2", "subscriber key 2", "revoked subscriber key")
    for name in (*keys, own_token):
        # Keys and tokens have a form, and are known by it wherever somebody puts them.
        secret = canaries.sent[name]
        anywhere = (to_gatekeeper(secret, token), through_gateway(secret, it.keys))
        yield from ((each, it.owner) for each in chain(*anywhere))
    idempotency_key = next(name for name in canaries.sent if name.startswith("Idempotency-Key"))
    for name in (*keys, "invitation", "link", own_token, idempotency_key, "the gateway's token"):
        secret = canaries.sent[name]
        for each in to_registry(secret, it.account, it.vendor):
            yield each, (REVIEWER if it.vendor in each.target else it.owner)
        yield from ((each, it.owner) for each in to_audit(secret, it.account))


async def careless(people: People, it: Story) -> None:
    """Send everything that is wrong, even what is not HTTP, and while the gatekeeper does not answer."""
    for request, who in list(careless_requests(people.canaries, it)):
        await people.ask(request, who)
    for service in ("registry", "gatekeeper", "authz", "audit", "console", "gateway"):
        for answer in await in_broken_requests(people.stack.url(service), it.key):
            people.note(answer)
    with freeze(people.stack.pid("gatekeeper")):
        assert await people.passes(it.vendor_key, it.key, f"/v1/patient/{it.key}?key={it.vendor_key}") >= 500


async def all_filed(people: People, it: Story) -> None:
    """Return when the access log has a request that came after all others."""
    path = f"/v1/patient/last-{SYSTEM_CLOCK.new_event_id()}"
    assert await people.passes(it.vendor_key, it.key, path) == 200
    look = Careless(service="audit", method="GET", target=f"{it.account}/activity?limit=1")

    async def is_filed() -> bool:
        return path in str(orjson.loads(await people.ask(look, it.owner)))

    await eventually(is_filed)


@pytest.mark.timeout(300)  # it starts two stacks, one after the other
async def test_nothing_is_written_down(tmp_path: Path) -> None:
    """No secret, whole or in part, plain or encoded, is in any log, table, topic, journal, metric or answer.

    Not after ordinary use, nor after every sort of mistake, nor after services were killed amid it; except
    in the files that are there to keep it.
    """
    home, evidence = tmp_path / "home", tmp_path / "evidence"
    for directory in (home, evidence / "before", evidence / "after"):
        directory.mkdir(parents=True)
    canaries, answers = Canaries(), evidence / "answers"
    async with people(home, canaries, answers) as first:
        it = await story(first)
        await pages(Visitor(first.stack.url("console"), first.session, canaries), first.token(it.owner))
        await careless(first, it)
        await all_filed(first, it)
        await gather(first.stack, evidence / "before")
        for name in ("gatekeeper", "registry"):
            os.kill(first.stack.pid(name), signal.SIGKILL)
    (evidence / "screen of the first run").write_bytes(screen_of(home).read_bytes())

    async with people(home, canaries, answers) as second:
        body = {"name": "Front desk", "permissions": PERMISSIONS}
        again = await second.done("POST", f"{it.account}/keys", it.owner, body, "create-it-" + "a1" * 20)
        assert secret_part(again["secret"]) == canaries.secret["subscriber key 0"]
        await all_filed(second, it)
        await gather(second.stack, evidence / "after")
        await at_the_terminal(second.stack, it.owner.account_id or "", evidence)
        leaks = await found(canaries.secret, home, evidence)
    lie_in = {str(Path(path).relative_to(tmp_path)): names for path, names in leaks.items()}
    leaked = {path: sorted(names - KEPT.get(path, frozenset())) for path, names in lie_in.items()}
    assert [f"{path}: {', '.join(names)}" for path, names in leaked.items() if names] == []
    assert lie_in == KEPT, "a secret is not found where it is kept: the search is not worth much"
