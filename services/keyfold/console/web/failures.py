"""Pages for what went wrong: one for each way in which a person can react."""

from __future__ import annotations

from typing import Final

from keyfold.console import words
from keyfold.console.browser.session import Person
from keyfold.console.upstream.failures import (
    Away,
    Changed,
    NotAllowed,
    NotFound,
    ServiceFailed,
    ServiceRefused,
    TooMany,
)
from keyfold.console.web.view import Page
from keyfold.runtime.auth.caller import Role

_HOMES: Final = {
    Role.OWNER: "/settings/integrations/api",
    Role.VENDOR: "/vendor",
    Role.REVIEWER: "/reviews",
    Role.OPERATOR: "/operations",
}


def home(person: Person) -> str:
    """Return the address of somebody's first page."""
    return "/welcome" if person.role is None else _HOMES.get(person.role, "/welcome")


def _page(status: int, title: str, *said: str, retry_after_s: int | None = None) -> Page:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    values = {"title": title, "said": said, "retry_after_s": retry_after_s}
    return Page(template="failure.html", values=values, status=status, headers=headers)


FOREIGN: Final = _page(
    403,
    "Nothing was changed",
    "This form did not come from a page of this session. It may have been open since before you signed in.",
    "Go back, reload the page and send it again.",
)
LINK_USED: Final = _page(
    410, "This link was used", "It works once, for a minute. Reload the page around this one to get another."
)
OVER_IN_FRAME: Final = _page(
    200, "Your session is over", "Reload the page around this one. What you had filled in is kept."
)
_NOT_FOUND: Final = _page(
    404, "Not found", "There is nothing at this address, or it belongs to somebody else. Check the address."
)


def of_status(status: int) -> Page:
    """Return the page for a request that no view handled."""
    match status:
        case 404:
            return _NOT_FOUND
        case 405:
            return _page(405, "Not possible here", "This page does not take what was sent to it.")
        case 413:
            return _page(
                413, "Too long", "What was sent is longer than 64 KiB. Shorten it and send it again."
            )
        case 500:
            return _page(
                500,
                "Something went wrong",
                "The fault is ours. If you were changing something, it may have been done: look before you "
                "repeat it.",
            )
        case _:
            return _page(status, "Not understood", "What was sent could not be read. Nothing was changed.")


def not_allowed(person: Person) -> Page:
    """Return the page for a view that is not for this person."""
    if person.role is None:
        return _page(
            403,
            "Not allowed",
            "This login does not belong to a practice or an integration yet. Open your invitation.",
        )
    return _page(
        403, "Not allowed", f"You are signed in as {person.role.value}. This page is for somebody else."
    )


def page_of(failed: ServiceFailed) -> Page:
    """Return the page for a service's failure that concerns the whole page."""
    match failed:
        case NotFound():
            return _NOT_FOUND
        case NotAllowed():
            return _page(403, "Not allowed", failed.detail)
        case TooMany():
            seconds = words.plural(failed.retry_after_s, "second")
            return _page(
                429,
                "Too many requests",
                f"This was asked too often. Try again in {seconds}.",
                retry_after_s=failed.retry_after_s,
            )
        case Changed():
            return _page(
                409,
                "Changed meanwhile",
                "Somebody else changed this. Nothing of yours was saved. Reload and look.",
            )
        case ServiceRefused():
            return _page(failed.status, "Not possible", failed.detail)
        case Away():
            what = words.SERVICES.get(failed.service, f"the {failed.service}")
            return _page(
                503,
                "Not available",
                f"{what[:1].upper()}{what[1:]} does not answer. Keys go on working as they are.",
                "If you were changing something, it may have been done. Look before you repeat it; "
                "what you filled in is kept.",
                retry_after_s=5,
            )
        case _:
            return of_status(500)
