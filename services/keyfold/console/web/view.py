"""Views: the rows of the console's route table, and what their handlers are given and return."""

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
"""Also who is not signed in."""
SIGNED_IN: Final = frozenset[Role | None]({*Role, None})
"""Whoever is signed in, also with a login that has no role yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A template and its values."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class See:
    """Look at another page of the console next: what a form's answer is.

    `person` is who the session is of from now on, where that has changed.
    """

    path: str
    notice: str = ""
    person: Person | None = None


Shown: TypeAlias = Page | See | web.StreamResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request of somebody who is signed in.

    `form` is what a form sent, or, on the page that shows the form, what was kept of it when the session
    had ended; empty where there is neither.
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
        """The parts of the address that the view's path names."""
        return self.raw.match_info

    @property
    def query(self) -> Mapping[str, str]:
        """What the address asks besides."""
        return self.raw.query

    @property
    def is_part(self) -> bool:
        """Whether a part of a page is asked for, to be put into the page that is there already."""
        return is_part(self.raw)

    @property
    def once(self) -> str:
        """The Idempotency-Key that the form brought."""
        return self.form.get("once", "")

    @property
    def version(self) -> int | None:
        """The version of what the form is about when it was shown, None for what has none."""
        return read_number(self.form.get("version"))

    @property
    def seen(self) -> int:
        """The version that the change made which led here, 0 where none did."""
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
    """Tell whether a request is for a part of the page that is there already, and not for a page."""
    return raw.headers.get("HX-Request") == "true"


def read_number(text: str | None) -> int | None:
    """Return a whole number that came back from a page, None for what is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


Handler: TypeAlias = Callable[[Visit], Awaitable[Shown]]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A row: who may see it. What they may do there, the services decide.

    `back` is where whoever has to sign in first comes back to, where the address itself holds a secret: the
    parts of the address are kept for that page as a form is.
    """

    method: str
    path: str
    handler: Handler
    who: frozenset[Role | None]
    back: str = ""


def views_of(
    path: str, who: frozenset[Role | None], show: Handler, act: Handler | None = None, *, back: str = ""
) -> Sequence[View]:
    """Return a page's rows: what shows it, and what its form does."""
    shown = View(method="GET", path=path, handler=show, who=who, back=back)
    if act is None:
        return [shown]
    return [shown, View(method="POST", path=path, handler=act, who=who, back=back)]
