"""What a command works with: the services, and a token for whoever it has to be."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from libs.runtime.auth import Role
from libs.runtime.clock import SYSTEM_CLOCK
from services.cli.client import Client, JsonObject
from services.cli.failure import CommandFailed, WrongUsage
from services.cli.local.sample import Sample, load_sample
from services.cli.local.signing import Claims, LocalSigner
from services.cli.places import Places
from services.cli.terms import Terms

TOKEN_VARIABLE: Final = "KEYFOLD_TOKEN"  # noqa: S105  the name of a variable, not a token
ACCOUNT_VARIABLE: Final = "KEYFOLD_ACCOUNT"
TOKEN_TTL_S: Final = 300.0

OPERATOR: Final = Claims(role="operator", sub="local-operator")
REVIEWER: Final = Claims(role="reviewer", sub="local-reviewer")


def owner(account_id: str) -> Claims:
    """Be the owner of an account."""
    return Claims(role="owner", sub="local-owner", account_id=account_id)


def vendor(vendor_id: str | None, sub: str = "local-vendor") -> Claims:
    """Be a vendor, or with no id somebody who has not applied yet."""
    return Claims(role="vendor", sub=sub, vendor_id=vendor_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyfold:
    """The services as one command sees them. ``role`` is whom ``--as`` names, else each call's own;
    ``terms`` are those on which the command is sent; ``as_json`` and ``wide`` are how it is shown."""

    places: Places
    client: Client
    role: Role | None = None
    terms: Terms | None = None
    as_json: bool = False
    wide: bool = False

    async def get(
        self, path: str, who: Claims, *, service: str = "registry", query: Mapping[str, str] | None = None
    ) -> JsonObject:
        """Read one thing."""
        return await self.client.call(service, "GET", path, bearer=self.bearer(who), query=query)

    async def ask(self, service: str, path: str, who: Claims, question: JsonObject) -> JsonObject:
        """Ask a service something that changes nothing and is too long for an address."""
        return await self.client.call(service, "POST", path, bearer=self.bearer(who), body=question)

    async def command(
        self, method: str, path: str, who: Claims, body: JsonObject | None = None
    ) -> JsonObject:
        """Give the registry a command, on the terms that were asked for; return what the thing is now."""
        terms, bearer = self.terms or Terms.of(), self.bearer(who)
        return await self.client.call("registry", method, path, bearer=bearer, body=body, terms=terms)

    def items(
        self,
        path: str,
        who: Claims,
        *,
        items_max: int,
        service: str = "registry",
        query: Mapping[str, str | None] | None = None,
    ) -> AsyncIterator[JsonObject]:
        """Read a list, newest first, at most ``items_max`` of it; a filter of None does not filter."""
        filters = {name: value for name, value in (query or {}).items() if value is not None}
        return self.client.items(service, path, bearer=self.bearer(who), query=filters, items_max=items_max)

    def bearer(self, who: Claims) -> str:
        """Return KEYFOLD_TOKEN, or on a local stack a token for whoever the call has to come from."""
        if token := os.environ.get(TOKEN_VARIABLE):
            return token
        if self.places.state_dir is None:
            raise CommandFailed(
                f"A bearer token of the role {who.role} is needed: set {TOKEN_VARIABLE}. "
                "(Only next to a running local stack does keyfold sign one itself.)"
            )
        claims = who if self.role is None else self._played(replace(who, role=self.role))
        return LocalSigner(self.places.state_dir).sign(claims, now=SYSTEM_CLOCK.now(), ttl_s=TOKEN_TTL_S)

    def account(self, named: str | None) -> str:
        """Return the account that is named, by argument or by KEYFOLD_ACCOUNT, else the sample practice."""
        if account_id := named or os.environ.get(ACCOUNT_VARIABLE):
            return account_id
        if (sample := self._sample()) is not None:
            return sample.account_id
        raise WrongUsage(f"Which account? Say --account acc_…, or set {ACCOUNT_VARIABLE}.")

    def for_vendor(self, vendor_id: str) -> Claims:
        """Be a reviewer, or with `--as vendor` that vendor itself."""
        return vendor(vendor_id) if self.role is Role.VENDOR else REVIEWER

    def _played(self, claims: Claims) -> Claims:
        # Somebody else's role needs an id too where the command names none: the sample's.
        sample = self._sample()
        if sample is None:
            return claims
        return replace(
            claims,
            account_id=claims.account_id or sample.account_id,
            vendor_id=claims.vendor_id or sample.vendor_id,
        )

    def _sample(self) -> Sample | None:
        return None if self.places.state_dir is None else load_sample(self.places.state_dir)
