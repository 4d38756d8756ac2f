"""What a call is made on: things that exist, of two tenants, and an otherwise valid request for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Final
from urllib.parse import urlencode

from keyfold.local.signing import Claims
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import rfc3339
from tests.support.stack.access_table import Caller, Row
from tests.support.stack.raw_requests import RawRequest, raw_request
from tests.support.stack.world import OPERATOR, REVIEWER, Answer, Pairs, Practice, World, application

JsonObject = dict[str, object]

NO_SUCH: Final = {
    "account_id": "acc_000000000000",
    "vendor_id": "ven_000000000000",
    "key_id": "key_000000000000",
    "decision_id": "0195f000-0000-7000-8000-000000000000",
    "login_id": "log_0000000000000000000000",
    "invitation_id": "inv_000000000000",
}
_BODIES: Final[Mapping[tuple[str, str], JsonObject]] = {
    ("POST", "/v1/accounts"): {"name": "Practice"},
    ("PUT", "/v1/accounts/{account_id}/integrations"): {"enabled": False},
    ("POST", "/v1/accounts/{account_id}/keys"): {"name": "Recalls", "permissions": {"patient": "read"}},
    ("PATCH", "/v1/accounts/{account_id}/keys/{key_id}"): {"name": "Renamed"},
    ("POST", "/v1/accounts/{account_id}/keys/{key_id}/rotate"): {"overlap_s": 60},
    ("POST", "/v1/accounts/{account_id}/keys/revoke"): {"all": True},
    ("POST", "/v1/vendors"): application("Vendor"),
    ("PATCH", "/v1/vendors/{vendor_id}"): {"website": "https://elsewhere.example"},
    ("POST", "/v1/vendors/{vendor_id}/reapply"): application("Vendor again"),
    ("POST", "/v1/vendors/{vendor_id}/reviews"): {"kind": "security", "verdict": "pass", "notes": "seen"},
    ("POST", "/v1/vendors/{vendor_id}/reject"): {"reason": "Too little is known."},
    ("POST", "/v1/vendors/{vendor_id}/suspend"): {"reason": "A leak."},
    ("POST", "/v1/vendors/{vendor_id}/keys/{key_id}/rotate"): {"overlap_s": 60},
}
_QUERIES: Final[Mapping[str, Mapping[str, str]]] = {
    "export": {"format": "csv"},
    "summary": {"bucket": "day"},
}
_ASKED_PATH: Final = "v1/appointment"
_PARAMETER: Final = re.compile(r"{(\w+)}")
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An account, a vendor and the key of either that is called, by the names that paths give them; and who
    applied to become that vendor.
    """

    ids: Mapping[str, str]
    applicant: str | None = None

    def target(self, path: str, **changed: str) -> str:
        """Return the path of the thing, with these changes."""
        named = {"rest": _ASKED_PATH, **self.ids, **changed}
        return _PARAMETER.sub(lambda found: named[found[1]], path)


@dataclass(frozen=True, slots=True)
class Scenes:
    """Makes scenes on one stack. `other` is another practice with its vendor, which nothing changes."""

    world: World
    other: Practice

    async def make(self, row: Row) -> Scene:
        """Make what the row's operation is called on."""
        if row.path.startswith("/v1/invitations"):
            return await self._invitation(await (self._vendor(row) if row.state else self._account()))
        if "{login_id}" in row.path:
            return await self._login(
                await (self._account() if "{account_id}" in row.path else self._vendor(row))
            )
        if "{account_id}" in row.path:
            return await self._account()
        if "{vendor_id}" in row.path:
            return await self._vendor(row)
        if row.path.startswith("/v1/decide"):
            asked_about = await self._account()
            await self.world.settled()
            return asked_about
        if "{decision_id}" in row.path:
            return await self._decision()
        return Scene(ids={"key_id": self.other.key_id})

    async def _decision(self) -> Scene:
        practice = await self.world.practice(await self.world.vendor())
        await self.world.request("GET", "/v1/patient/7", practice.keys)
        (event,) = await self.world.whole_log(practice)
        tenants = {name: event[name] for name in ("account_id", "vendor_id")}
        return Scene(ids={**tenants, "decision_id": event["event_id"]})

    async def _account(self) -> Scene:
        made = await self.world.done("POST", "/v1/accounts", OPERATOR, {"name": f"P{next(_numbers)}"})
        account_id = str(made["account_id"])
        owner = Claims(role="owner", sub="oscar", account_id=account_id)
        body = {"name": "Recalls", "permissions": {"patient": "read"}}
        key = await self.world.done("POST", f"/v1/accounts/{account_id}/keys", owner, body)
        return Scene(ids={"account_id": account_id, "key_id": key["key"]["key_id"]})

    async def _invitation(self, scene: Scene) -> Scene:
        """Invite somebody to the scene's account, or if it has none to its vendor."""
        tenant = "account_id" if "account_id" in scene.ids else "vendor_id"
        body = {tenant: scene.ids[tenant]}
        made = await self.world.done("POST", "/v1/invitations", OPERATOR, body)
        ids = {"invitation_id": made["invitation"]["invitation_id"], "code": made["code"]}
        return replace(scene, ids={**scene.ids, **ids})

    async def _login(self, scene: Scene) -> Scene:
        """Make a login of the scene's, and one of another account."""
        ids = {
            "login_id": await self._login_id(scene),
            "other_login_id": await self._login_id(await self._account()),
        }
        return replace(scene, ids={**scene.ids, **ids})

    async def _login_id(self, scene: Scene) -> str:
        if scene.applicant is not None:  # whoever applied is a login of the vendor's
            path = f"/v1/vendors/{scene.ids['vendor_id']}/logins"
            (login,) = (await self.world.done("GET", path, OPERATOR))["items"]
            return str(login["login_id"])
        code = (await self._invitation(scene)).ids["code"]
        somebody = Claims(role=None, sub=f"somebody-{next(_numbers)}")
        accepted = await self.world.done("POST", "/v1/invitations/accept", somebody, {"code": code})
        return str(accepted["login_id"])

    async def _vendor(self, row: Row) -> Scene:
        if row.state is None:
            approved = await self.world.vendor()
            ids = {"vendor_id": approved.vendor_id, "key_id": approved.key_id}
            return Scene(ids=ids, applicant=approved.applicant)
        applicant = Claims(role="vendor", sub=f"applicant-{next(_numbers)}")
        made = await self.world.done("POST", "/v1/vendors", applicant, application("Vendor"))
        path = f"/v1/vendors/{made['vendor_id']}"
        for action, body in _UP_TO[row.state]:
            await self.world.done("POST", f"{path}/{action}", REVIEWER, body)
        return Scene(ids={"vendor_id": made["vendor_id"]}, applicant=applicant.sub)

    async def call(
        self, row: Row, caller: Caller, scene: Scene, *, method: str | None = None, is_real: bool = True
    ) -> Answer:
        """Call the operation, on things that exist or, not `is_real`, on things that never did."""
        changed: dict[str, str] = {} if is_real else dict(NO_SUCH)
        if caller is Caller.ASTRAY:
            # The path up to the key stays the caller's own.
            changed = self._elsewhere(row, scene) if is_real else dict(NO_SUCH)
            changed = {name: changed[name] for name in ("key_id", "login_id") if f"{{{name}}}" in row.path}
        who = self.claims(row, caller, scene if is_real or caller is Caller.ASTRAY else NOWHERE)
        return await self.world.ask(
            row.service,
            method or row.method,
            f"{scene.target(row.path, **changed)}?{urlencode(self.query(row))}",
            who,
            self.body(row, {**scene.ids, **changed}),
            self._gateway_headers() if caller is Caller.GATE else (),
            form=self._form(row),
        )

    def raw(self, row: Row, caller: Caller, scene: Scene) -> RawRequest:
        """Return the bytes of the request that `call` sends."""
        who = self.claims(row, caller, scene)
        headers = dict(self._gateway_headers()) if caller is Caller.GATE else {}
        if who is not None:
            headers["Authorization"] = f"Bearer {self.world.token(who)}"
        target = f"{scene.target(row.path)}?{urlencode(self.query(row))}"
        form = urlencode(self._form(row) or {})
        return raw_request(row.method, target, headers, self.body(row, scene.ids), form)

    def query(self, row: Row) -> Mapping[str, str]:
        """Return the parameters that the operation's query must have."""
        return _QUERIES.get(row.path.rpartition("/")[2], {})

    def body(self, row: Row, ids: Mapping[str, str]) -> JsonObject | None:
        """Return a body that the operation accepts, about things with these ids."""
        match row.path:
            case "/v1/invitations":
                tenant = "vendor_id" if row.state else "account_id"
                return {tenant: ids[tenant]} if row.method == "POST" else None
            case "/v1/invitations/look" | "/v1/invitations/accept":
                return {"code": ids["code"]}
            case "/v1/links/spend":
                ends = SYSTEM_CLOCK.now() + timedelta(seconds=60)
                return {"link_id": f"link-{next(_numbers):040}", "expires_at": rfc3339(ends)}
        if not row.path.startswith("/v1/decide"):
            return _BODIES.get((row.method, row.path))
        question = {
            "subscriber_key_id": ids["key_id"],
            "vendor_id": self.other.vendor.vendor_id,
            "category": "patient",
            "access": "read",
        }
        return {"questions": [question]} if row.path.endswith("/batch") else {**question}

    def _form(self, row: Row) -> Mapping[str, str] | None:
        if row.path != "/v1/introspect":
            return None
        return {"token": f"{self.other.vendor.secret}/{self.other.secret}"}

    def _elsewhere(self, row: Row, scene: Scene) -> dict[str, str]:
        key_id = self.other.key_id if "{account_id}" in row.path else self.other.vendor.key_id
        return {"key_id": key_id, "login_id": scene.ids.get("other_login_id", "")}

    def claims(self, row: Row, caller: Caller, scene: Scene) -> Claims | None:
        """Return who the caller is in that scene, another person each time; None means no bearer token."""
        sub = f"{caller.value.replace(' ', '-')}-{next(_numbers)}"
        own = {"account_id": self.other.account_id, "vendor_id": self.other.vendor.vendor_id, **scene.ids}
        match caller:
            case Caller.OWNER:
                return Claims(role="owner", sub=sub, account_id=own["account_id"])
            case Caller.OTHER_OWNER:
                return Claims(role="owner", sub=sub, account_id=self.other.account_id)
            case Caller.VENDOR:
                return Claims(role="vendor", sub=sub, vendor_id=own["vendor_id"])
            case Caller.OTHER_VENDOR:
                return Claims(role="vendor", sub=sub, vendor_id=self.other.vendor.vendor_id)
            case Caller.NEW_VENDOR:
                return Claims(role="vendor", sub=sub)
            case Caller.APPLICANT:
                return Claims(role="vendor", sub=scene.applicant or sub)
            case Caller.ASTRAY:
                tenant = Caller.OWNER if "{account_id}" in row.path else Caller.VENDOR
                return self.claims(row, tenant, scene)
            case Caller.LOGIN:
                return Claims(role=None, sub=sub)
            case Caller.GATE | Caller.NOBODY:
                return None
            case _:
                return Claims(role=caller.value, sub=sub)

    def _gateway_headers(self) -> Pairs:
        token = str(self.world.stack.record["gateway_token"])
        original = (("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", f"/{_ASKED_PATH}"))
        return (("X-Gateway-Token", token), *original, *self.other.keys)


_Steps = tuple[tuple[str, JsonObject | None], ...]
_PASSED: Final[_Steps] = tuple(
    ("reviews", {"kind": kind, "verdict": "pass", "notes": ""}) for kind in ("security", "compliance")
)
_UP_TO: Final[Mapping[str, _Steps]] = {
    "applied": (),
    "reviewed": _PASSED,
    "rejected": (("reject", {"reason": "Too little is known."}),),
    "suspended": (*_PASSED, ("approve", None), ("suspend", {"reason": "A leak."})),
}
NOWHERE: Final = Scene(ids={})
