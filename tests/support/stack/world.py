"""The people of the story: an operator, reviewers, vendors and owners, each with only its own token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from keyfold.domain.access.decision import Reason
from keyfold.local.signing import Claims, LocalSigner
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.support.eventually import eventually
from tests.support.stack.running import RunningStack

OPERATOR = Claims(role="operator", sub="olivia")
REVIEWER = Claims(role="reviewer", sub="rene")
READS_PATIENTS = {"appointment": "write", "patient": "read"}
Pairs = Sequence[tuple[str, str]]
JsonObject = dict[str, Any]

_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer over HTTP, from a service or through the gateway."""

    status: int
    headers: CIMultiDictProxy[str]
    content: bytes

    @property
    def content_type(self) -> str:
        """The body's content type."""
        return self.headers.get("Content-Type", "").partition(";")[0]

    @property
    def body(self) -> Any:
        """Return the body as JSON."""
        return orjson.loads(self.content)

    @property
    def reasons(self) -> list[str]:
        """Return every reason that the answer names."""
        return self.headers.getall("X-Keyfold-Reason", [])


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorWithKey:
    """An approved vendor and its key."""

    vendor_id: str
    name: str
    key_id: str
    secret: str
    applicant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """An account with integrations on, a subscriber key, and the vendor that uses it."""

    account_id: str
    key_id: str
    secret: str
    vendor: VendorWithKey

    @property
    def owner(self) -> Claims:
        """Return its owner's claims."""
        return Claims(role="owner", sub="oscar", account_id=self.account_id)

    @property
    def path(self) -> str:
        """The account's path."""
        return f"/v1/accounts/{self.account_id}"

    @property
    def key_path(self) -> str:
        """The key's path."""
        return f"{self.path}/keys/{self.key_id}"

    @property
    def keys(self) -> Pairs:
        """Both keys, as headers."""
        return (("x-api-key", self.vendor.secret), ("A-api-key", self.secret))


class World:
    """Calls one stack."""

    def __init__(self, stack: RunningStack, session: aiohttp.ClientSession) -> None:
        self.stack = stack
        self._session = session
        self._signer = LocalSigner(stack.state_dir)
        self._head = 0
        self._asked: Counter[str] = Counter()

    def after_restart(self, stack: RunningStack, session: aiohttp.ClientSession) -> World:
        """Return the same people, calling the same stack at its present addresses."""
        world = World(stack, session)
        world._asked.update(self._asked)
        return world

    async def ask(
        self,
        service: str,
        method: str,
        target: str,
        who: Claims | None = None,
        body: object = None,
        headers: Iterable[tuple[str, str]] = (),
        *,
        form: Mapping[str, str] | None = None,
        document: bytes | None = None,
    ) -> Answer:
        """Return the answer, whatever it is. The target goes out as it is given, `body` as JSON.

        A `document` goes out as it is too, whether it is the JSON that it says it is or not.
        """
        sent = CIMultiDict(headers)
        if document is not None:
            sent["Content-Type"] = "application/json"
        if who is not None:
            sent["Authorization"] = f"Bearer {self.token(who)}"
        url = URL(self.stack.url(service) + target, encoded=True)
        async with self._session.request(
            method, url, headers=sent, json=body, data=document or form
        ) as response:
            # A stream has no end: what it begins with stands for all of it.
            is_endless = response.content_type == "text/event-stream"
            content = await (response.content.readany() if is_endless else response.read())
            return Answer(status=response.status, headers=response.headers, content=content)

    def token(self, who: Claims) -> str:
        """Return a new token of somebody."""
        return self._signer.sign(who, now=SYSTEM_CLOCK.now(), ttl_s=60)

    async def done(self, method: str, path: str, who: Claims, body: object = None) -> Any:
        """Send the registry a command or a read, which must succeed; return its answer."""
        answer = await self.ask("registry", method, path, who, body)
        assert answer.status < 400, answer.content
        return answer.body

    async def request(self, method: str, target: str, headers: Iterable[tuple[str, str]] = ()) -> Answer:
        """Send a request through the gateway, and count it for its subscriber key."""
        sent = tuple(headers)
        answer = await self.ask("gateway", method, target, headers=sent)
        # One that cannot tell is asked again by the gateway, as often as that likes, and each time is logged.
        if Reason.STALE not in answer.reasons:
            self._asked.update(value for name, value in sent if name == "A-api-key")
        return answer

    async def whole_log(self, practice: Practice) -> list[JsonObject]:
        """Return the log of the practice's key, newest first, when it has an event for each request that was
        sent and decided."""

        async def complete() -> list[JsonObject] | None:
            items = [item for item in await self.log(practice) if item["reason"] != Reason.STALE]
            return items if len(items) >= self._asked[practice.secret] else None

        items = await eventually(complete)
        assert len(items) == self._asked[practice.secret]
        return items

    async def log(self, practice: Practice) -> list[JsonObject]:
        """Return what the log of the practice's key has now, newest first."""
        items: list[JsonObject] = []
        cursor = ""
        while True:
            target = f"{practice.path}/activity?key_id={practice.key_id}&limit=100{cursor}"
            page = (await self.ask("audit", "GET", target, practice.owner)).body
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = f"&cursor={page['next_cursor']}"

    async def enforced(self, method: str, path: str, who: Claims, body: object = None) -> Any:
        """Send the registry a command; return when the gatekeeper has applied it."""
        answer = await self.done(method, path, who, body)
        await self.settled()
        return answer

    async def settled(self) -> None:
        """Return when the gatekeeper has applied everything in the ledger."""
        while events := await self._events_after(self._head):
            self._head = events[-1]["position"]

        async def applied() -> bool:
            answer = await self.ask("gatekeeper", "GET", "/v1/position", OPERATOR)
            return bool(answer.body["position"] >= self._head)

        await eventually(applied)

    async def _events_after(self, position: int) -> list[JsonObject]:
        page = await self.done("GET", f"/v1/ledger?after={position}&limit=100", OPERATOR)
        events: list[JsonObject] = page["items"]
        return events

    async def vendor(self, called: str = "") -> VendorWithKey:
        """Have a vendor apply, pass both reviews, be approved and get a key."""
        number = next(_numbers)
        said = application(called or f"Vendor {number}")
        applied = await self.done("POST", "/v1/vendors", applicant(number), said)
        path = f"/v1/vendors/{applied['vendor_id']}"
        for kind in ("security", "compliance"):
            review = {"kind": kind, "verdict": "pass", "notes": "seen"}
            await self.done("POST", f"{path}/reviews", REVIEWER, review)
        await self.done("POST", f"{path}/approve", REVIEWER)
        issued = await self.done("POST", f"{path}/keys", REVIEWER)
        return VendorWithKey(
            vendor_id=applied["vendor_id"],
            name=applied["name"],
            key_id=issued["key"]["key_id"],
            secret=issued["secret"],
            applicant=applicant(number).sub,
        )

    async def practice(
        self,
        vendor: VendorWithKey,
        permissions: Mapping[str, str] | None = None,
        *,
        called: str = "",
        **more: object,
    ) -> Practice:
        """Open an account, turn its integrations on and make a key that the gatekeeper knows."""
        opened = {"name": called or f"Practice {next(_numbers)}"}
        account = await self.done("POST", "/v1/accounts", OPERATOR, opened)
        practice = Practice(account_id=account["account_id"], key_id="", secret="", vendor=vendor)
        await self.done("PUT", f"{practice.path}/integrations", practice.owner, {"enabled": True})
        return await self.another_key(practice, permissions or READS_PATIENTS, **more)

    async def another_key(
        self, practice: Practice, permissions: Mapping[str, str], **more: object
    ) -> Practice:
        """Return the practice with another key, which the gatekeeper knows."""
        body = {"name": f"Key {next(_numbers)}", "permissions": permissions, **more}
        made = await self.enforced("POST", f"{practice.path}/keys", practice.owner, body)
        return replace(practice, key_id=made["key"]["key_id"], secret=made["secret"])


def applicant(number: int) -> Claims:
    """Return the claims of a developer who has not applied yet."""
    return Claims(role="vendor", sub=f"vera-{number}")


def application(name: str) -> dict[str, object]:
    """Return what a vendor says when it applies."""
    return {
        "name": name,
        "contact_email": "hello@vendor.example",
        "website": "https://vendor.example",
        "intended_use": "Reminds patients.",
        "categories": ["appointment", "patient"],
    }
