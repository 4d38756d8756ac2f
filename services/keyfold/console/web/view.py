"""Views: the rows of the console's route table, and what their handlers get and return."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

from keyfold.console.browser.session import Person, Session
from keyfold.console.upstream.services import Services
from keyfold.runtime.auth.caller import Role

ANYBODY: Final = None
"""Anybody, even without signing in."""
SIGNED_IN: Final = frozenset[Role | None]({*Role, None})
"""Whoever is signed in, even with a login that has no role yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A template and its values."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class See:
    """A redirect to another page of the console: the answer to a form.

    `person` is whom the session belongs to from now on, if that has changed.
    """

    path: str
    notice: str = ""
    person: Person | None = None


Shown: TypeAlias = Page | See | web.StreamResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request from somebody who is signed in.

    `form` is what a form sent, or, on the page that shows the form, the draft that was kept when the session
    had ended; empty if there is neither.
    """

    raw: web.Request
    session: Session
    services: Services
    now: datetime
    zone: ZoneInfo
    form: MultiDictProxy[str] = field(default_factory=lambda: MultiDictProxy(MultiDict()))
    is_draft: bool = False

    @property
    def person(self) -> Person:
        """Who is signed in."""
        return self.session.person

    @property
    def path(self) -> Mapping[str, str]:
        """The parameters in the address's path."""
        return self.raw.match_info

    @property
    def query(self) -> Mapping[str, str]:
        """The address's query."""
        return self.raw.query

    @property
    def is_part(self) -> bool:
        """Whether only a part of a page is asked for, to be put into the page that is shown already."""
        return is_part(self.raw)

    @property
    def once(self) -> str:
        """The Idempotency-Key in the form."""
        return self.form.get("once", "")

    @property
    def version(self) -> int | None:
        """The version that the form's subject had when the form was shown, None if it has none."""
        return read_number(self.form.get("version"))

    @property
    def seen(self) -> int:
        """The version that the change which led here made, 0 if none did."""
        return read_number(self.query.get("seen")) or 0

    @property
    def account(self) -> str:
        """The path of the owner's account at the services."""
        return f"/v1/accounts/{self.person.account_id}"

    @property
    def vendor(self) -> str:
        """The path of the vendor at the services."""
        return f"/v1/vendors/{self.person.vendor_id}"


def is_part(raw: web.Request) -> bool:
    """Tell whether a request asks for a part of the page that is shown already, rather than for a page."""
    return raw.headers.get("HX-Request") == "true"


def read_number(text: str | None) -> int | None:
    """Return a whole number that a page sent back, None for anything else."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


Handler: TypeAlias = Callable[[Visit], Awaitable[Shown]]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A row of the route table, with who may see it. The services decide what they may do there.

    `back` is where somebody who has to sign in first comes back to, if the address itself holds a secret: the
    address's parameters are kept for that page as a draft.
    """

    method: str
    path: str
    handler: Handler
    who: frozenset[Role | None]
    back: str = ""


def views_of(
    path: str, who: frozenset[Role | None], show: Handler, act: Handler | None = None, *, back: str = ""
) -> Sequence[View]:
    """Return a page's rows: one that shows it, and one for its form."""
    shown = View(method="GET", path=path, handler=show, who=who, back=back)
    if act is None:
        return [shown]
    return [shown, View(method="POST", path=path, handler=act, who=who, back=back)]
