"""Whose activity is asked for: the three places where each question can be put, and who may put it there."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import BaseModel

from libs.domain.ids import AccountId, KeyId, VendorId
from libs.runtime.http import OwnAccount, OwnVendor, Reply, Request
from libs.store.access_log_questions import AccountScope, KeyScope, Scope, VendorScope

Q = TypeVar("Q", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """One of the places: its address, who may ask there, and what a path of it is about."""

    name: str
    path: str
    rule: OwnAccount | OwnVendor
    scope: Callable[[Mapping[str, str]], Scope]
    said: str


def _account(path: Mapping[str, str]) -> Scope:
    return AccountScope(account_id=AccountId(path["account_id"]))


def _key(path: Mapping[str, str]) -> Scope:
    # Another account's key has no activity here.
    return KeyScope(account_id=AccountId(path["account_id"]), key_id=KeyId(path["key_id"]))


def _vendor(path: Mapping[str, str]) -> Scope:
    return VendorScope(vendor_id=VendorId(path["vendor_id"]))


EACH: Final = (
    Whose(
        name="account",
        path="/v1/accounts/{account_id}/activity",
        rule=OwnAccount(),
        scope=_account,
        said="What was asked of an account's data",
    ),
    Whose(
        name="key",
        path="/v1/accounts/{account_id}/keys/{key_id}/activity",
        rule=OwnAccount(),
        scope=_key,
        said="What was asked with one of an account's keys",
    ),
    Whose(
        name="vendor",
        path="/v1/vendors/{vendor_id}/activity",
        rule=OwnVendor(),
        scope=_vendor,
        said="What a vendor asked",
    ),
)


def handler(
    whose: Whose, name: str, answer: Callable[[Scope, Request[None, Q]], Awaitable[Reply]]
) -> Callable[[Request[None, Q]], Awaitable[Reply]]:
    """Return the handler of that name that gives the answer for whom the path says."""

    async def handle(request: Request[None, Q]) -> Reply:
        return await answer(whose.scope(request.path), request)

    handle.__name__ = name
    return handle
