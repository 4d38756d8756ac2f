"""Parts of a page that may not be known: each is shown as missing if its service is away."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from keyfold.console.upstream.failures import Away, NotBound, ServiceRefused, SignedOut, TooMany

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """What a page shows for a part that is not known; it is false, so that a template can test it."""

    service: str
    why: str

    def __bool__(self) -> bool:
        return False


async def answer_or_unknown(asked: Awaitable[T]) -> T | Unknown:
    """Return the answer, or Unknown if it failed. Raises only failures that concern the whole page."""
    try:
        return await asked
    except (SignedOut, NotBound):
        raise
    except TooMany as too_many:
        return Unknown(
            service=too_many.service, why=f"asked too often; try again in {too_many.retry_after_s} s"
        )
    except Away as away:
        return Unknown(service=away.service, why="it does not answer")
    except ServiceRefused as refused:
        return Unknown(service=refused.service, why=refused.detail)
