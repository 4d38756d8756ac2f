"""Whose activity is asked for: the four paths that each query has, and who may use them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import BaseModel

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import OwnAccount, Reply, Request, Roles, VendorItself
from keyfold.store.access_log.scope import AccountScope, KeyScope, Scope, UnattributedScope, VendorScope

Q = TypeVar("Q", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedPath:
    """One of the four paths: who may use it, and the scope that a request's path stands for.

    `is_named` says whether its events name keys or vendors, which can then be conditions.
    """

    name: str
    path: str
    rule: OwnAccount | VendorItself | Roles
    scope: Callable[[Mapping[str, str]], Scope]
    title: str
    is_named: bool = True

    def query(self, query: type[Q], named: type[Q]) -> type[Q]:
        """Return the form of a query that this path takes."""
        return named if self.is_named else query


def _account(path: Mapping[str, str]) -> Scope:
    return AccountScope(account_id=AccountId(path["account_id"]))


def _key(path: Mapping[str, str]) -> Scope:
    # With the account as a condition too, another account's key has no activity here.
    return KeyScope(account_id=AccountId(path["account_id"]), key_id=KeyId(path["key_id"]))


def _vendor(path: Mapping[str, str]) -> Scope:
    return VendorScope(vendor_id=VendorId(path["vendor_id"]))


def _unattributed(_path: Mapping[str, str]) -> Scope:
    return UnattributedScope()


SCOPED_PATHS: Final = (
    ScopedPath(
        name="account",
        path="/v1/accounts/{account_id}/activity",
        rule=OwnAccount(),
        scope=_account,
        title="What was asked of an account's data",
    ),
    ScopedPath(
        name="key",
        path="/v1/accounts/{account_id}/keys/{key_id}/activity",
        rule=OwnAccount(),
        scope=_key,
        title="What was asked with one of an account's keys",
    ),
    ScopedPath(
        name="vendor",
        path="/v1/vendors/{vendor_id}/activity",
        rule=VendorItself(),
        scope=_vendor,
        title="What a vendor asked",
    ),
    ScopedPath(
        name="unattributed",
        path="/v1/unattributed/activity",
        rule=Roles(frozenset({Role.OPERATOR})),
        scope=_unattributed,
        title="What was asked and names no account and no vendor",
        is_named=False,
    ),
)


def sees_key_names(scope: Scope) -> bool:
    """Tell whether callers of that scope may see keys' names, which only owners give and read."""
    return not isinstance(scope, VendorScope)


def make_handler(
    of: ScopedPath, name: str, answer: Callable[[Scope, Request[None, Q]], Awaitable[Reply]]
) -> Callable[[Request[None, Q]], Awaitable[Reply]]:
    """Return a handler of that name, which is its operationId, that answers for the path's scope."""

    async def handle(request: Request[None, Q]) -> Reply:
        return await answer(of.scope(request.path), request)

    handle.__name__ = name
    return handle
