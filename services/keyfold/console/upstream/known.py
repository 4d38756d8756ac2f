"""What may not be known: a part of a page that is shown as missing where its service is away."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from keyfold.console.upstream.failures import Away, NotBound, ServiceRefused, SignedOut, TooMany

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """What a page says in place of what it could not learn; false, so that a template can ask for it."""

    service: str
    why: str

    def __bool__(self) -> bool:
        return False


async def known(asked: Awaitable[T]) -> T | Unknown:
    """Return the answer, or that it is not known; raises only what concerns the whole page."""
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
