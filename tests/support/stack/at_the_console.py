"""The pages without a browser: forms and cookies with secrets, and secrets where none belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Final

import aiohttp
import orjson
from yarl import URL

from tests.support.stack.canaries import Canaries
from tests.support.stack.careless import Careless, in_headers, in_target

HOME: Final = "/settings/integrations/api"
NEW: Final = f"{HOME}/keys/new"
# What is sealed begins with its version and the time, which are no secret.
_SEALED: Final = 24


@dataclass(slots=True)
class Visitor:
    """Somebody at the console, who keeps cookies and treats each of them as a secret."""

    url: str
    session: aiohttp.ClientSession
    canaries: Canaries
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(
        self,
        method: str,
        target: str,
        form: Mapping[str, str] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[str, str]:
        """Send a request; return where the answer redirects to, and its text."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with self.session.request(
            method,
            URL(self.url + target, encoded=True),
            data=form,
            headers={"Cookie": cookie, **(headers or {})},
            allow_redirects=False,
        ) as answer:
            for line in answer.headers.getall("Set-Cookie", []):
                name, _, rest = line.partition("=")
                self._keep(name, rest.partition(";")[0])
            return answer.headers.get("Location", ""), await answer.text()

    def sealed(self, name: str, value: str) -> str:
        """Record what the console has sealed as secret."""
        self.canaries.secret[name] = value[_SEALED:]
        return self.canaries.sent.setdefault(name, value)

    def _keep(self, name: str, value: str) -> None:
        self.cookies.pop(name, None)
        if value:
            self.cookies[name] = value
        if len(value) > 2 * _SEALED:
            self.sealed(f"{name} {len(self.canaries.sent)}", value)


async def pages(visitor: Visitor, token: str) -> None:
    """Sign in, make a key with its form, see it once, and come by a link in a frame."""
    assert (await visitor.ask("POST", "/sign-in", {"as": "practice owner"}))[0] == HOME
    _, page = await visitor.ask("GET", NEW)
    filled = {
        "csrf": visitor.sealed("the mark of a form", _value(page, 'name="csrf"')),
        "once": visitor.canaries.plain("the key of a form", _value(page, 'name="once"')),
        "to": "create",
        "name": "By hand",
        "who": "any",
        "may-patient": "read",
    }
    shown, text = await visitor.ask("POST", NEW, filled)
    assert shown, text
    secret = _value((await visitor.ask("GET", shown))[1], 'id="secret"')
    visitor.canaries.key("key of a page", secret)
    assert secret not in (await visitor.ask("GET", shown))[1]
    _, made = await visitor.ask("POST", "/embed", b"{}", {"Authorization": f"Bearer {token}"})
    link = orjson.loads(made)["url"].removeprefix(visitor.url)
    visitor.sealed("the link of a frame", link.removeprefix("/embed/"))
    for _ in range(2):
        await visitor.ask("GET", link)
    await careless(visitor, filled)


async def careless(visitor: Visitor, filled: Mapping[str, str]) -> None:
    """Send each of these secrets where it does not belong."""
    names = ("key of a page", "the mark of a form", "the link of a frame")
    for secret in [visitor.canaries.sent[name] for name in names]:
        for each in _requests(secret):
            await visitor.ask(each.method, each.target, each.body, dict(each.headers))
        for name in filled:
            await visitor.ask("POST", NEW, {**filled, name: secret})
        for target in (NEW, "/sign-in", "/sign-out", "/invitations/x", "/embed"):
            await visitor.ask("POST", target, {"return_to": secret, "as": secret, secret: secret})
            await visitor.ask("POST", target, secret.encode(), {"Content-Type": "multipart/form-data"})


def _requests(secret: str) -> Iterator[Careless]:
    yield from in_headers("console", "GET", HOME, secret)
    yield from in_target("console", HOME, secret)
    for path in ("keys/{}", "keys/{}/secret", "activity?vendor_id={}", "activity/live?reason={}"):
        yield Careless(service="console", method="GET", target=f"{HOME}/{path.format(secret)}")
    for path in (
        "decisions/{}",
        "invitations/{}",
        "embed/{}",
        "sign-in?return_to=/{}",
        "sign-in/done?code={}",
    ):
        yield Careless(service="console", method="GET", target=f"/{path.format(secret)}")


def _value(page: str, of: str) -> str:
    found = re.search(rf'<input[^>]*{of}[^>]*value="([^"]+)"', page)
    assert found is not None, page
    return unescape(found[1])
