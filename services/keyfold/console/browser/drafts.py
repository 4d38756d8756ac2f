"""Drafts: a form that was sent after the session had ended, kept until its sender has signed in again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web

from keyfold.console.browser.cookies import Cookie
from keyfold.console.browser.forgery import FIELD
from keyfold.console.browser.sealing import Seal

DRAFT_LASTS_S: Final = 1800


class FormDraft(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a form, and the page that it belongs to."""

    path: str
    fields: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """Keeps one form for a browser."""

    seal: Seal[FormDraft]

    def keep(self, response: web.StreamResponse, draft: FormDraft, *, framed: bool) -> None:
        """Keep a form in the browser, unless it is longer than a browser can keep."""
        kept = [(name, value) for name, value in draft.fields if name != FIELD]
        try:
            _cookie(framed).write(response, self.seal.close(FormDraft(path=draft.path, fields=kept)))
        except ValueError:
            _cookie(framed).clear(response)

    def read(self, cookies: Mapping[str, str], path: str) -> Sequence[tuple[str, str]] | None:
        """Return the form that is kept for a page, None if there is none."""
        sealed = _cookie(framed=False).read(cookies)
        draft = None if sealed is None else self.seal.open(sealed)
        return draft.fields if draft is not None and draft.path == path else None

    def drop(self, response: web.StreamResponse, *, framed: bool) -> None:
        """Delete it from the browser."""
        _cookie(framed).clear(response)


def _cookie(framed: bool) -> Cookie:
    return Cookie(name="keyfold-draft", framed=framed)
