"""What a command works with: the services, and a token for whoever it has to be."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from keyfold.client.endpoints import HTTP_SERVICES, POSTGRES, Endpoints, url_of
from keyfold.client.failure import CommandFailed, WrongUsage
from keyfold.client.http import Client, JsonObject
from keyfold.client.send_options import SendOptions
from keyfold.client.settings import variable
from keyfold.local.sample.record import Sample, load_sample
from keyfold.local.signing import REVIEWER, Claims, LocalSigner, vendor
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.addresses import is_loopback

TOKEN_TTL_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyfold:
    """The services as one command sees them. ``role`` is whom ``--as`` names, else each call's own;
    ``terms`` are those on which the command is sent; ``as_json`` and ``wide`` are how it is shown. ``token``
    and ``own_account`` are what the environment says."""

    places: Endpoints
    client: Client
    role: Role | None = None
    terms: SendOptions | None = None
    as_json: bool = False
    wide: bool = False
    token: SecretStr | None = None
    own_account: str | None = None

    async def get(
        self, path: str, who: Claims, *, service: str = "registry", query: Mapping[str, str] | None = None
    ) -> JsonObject:
        """Read one thing."""
        return await self.client.call(service, "GET", path, bearer=self.bearer(who, service), query=query)

    async def ask(self, service: str, path: str, who: Claims, question: JsonObject) -> JsonObject:
        """Ask a service something that changes nothing and is too long for an address."""
        return await self.client.call(service, "POST", path, bearer=self.bearer(who, service), body=question)

    async def command(
        self, method: str, path: str, who: Claims, body: JsonObject | None = None
    ) -> JsonObject:
        """Give the registry a command, on the terms that were asked for; return what the thing is now."""
        terms, bearer = self.terms or SendOptions.of(), self.bearer(who)
        say_target(self.places.service_at("registry"))
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
        bearer = self.bearer(who, service)
        return self.client.items(service, path, bearer=bearer, query=filters, items_max=items_max)

    def bearer(self, who: Claims, service: str = "registry") -> str:
        """Return the token for a service: KEYFOLD_TOKEN for an address that was named, and for the local
        stack one of its own for whoever the call has to come from. Neither ever goes to the other."""
        state_dir = self.places.state_dir
        if state_dir is None or not self.places.is_local(url_of(service)):
            return self._named_token(who, service)
        if self.token is not None:
            raise WrongUsage(
                f"{variable('token')} is not for the {service} of the local stack in {state_dir}: set "
                f"{variable(url_of(service))} to where it belongs, unset it, or name the stack with --dir."
            )
        claims = who if self.role is None else self._played(replace(who, role=self.role))
        return LocalSigner(state_dir).sign(claims, now=SYSTEM_CLOCK.now(), ttl_s=TOKEN_TTL_S)

    def _named_token(self, who: Claims, service: str) -> str:
        if self.token is None:
            raise CommandFailed(
                f"A bearer token of the role {who.role} is needed: set {variable('token')}. "
                "(Only a local stack's own addresses get one that keyfold signs itself.)"
            )
        address = urlsplit(self.places.urls.get(service, ""))
        if address.scheme == "http" and not is_loopback(address.hostname):
            raise WrongUsage(
                f"{variable(url_of(service))} is plain http to another machine, where {variable('token')} "
                "could be read on the way: give an https:// address, or one of this machine."
            )
        return self.token.get_secret_value()

    def database(self, what: str, service: str = "") -> str:
        """Return the database's address, for what is done in a service's stead if one is named, and say which
        it is. Raises CommandFailed. ``what`` of it is worked on, as `ledger`."""
        dsn = self.places.postgres_of(service)
        if dsn is None:
            raise CommandFailed(f"Which database? Set {variable(POSTGRES)}.")
        say_target(f"{what} of {self.places.database_at()}")
        return dsn

    def account(self, named: str | None) -> str:
        """Return the account that is named, by argument or by KEYFOLD_ACCOUNT, else the sample practice."""
        if account_id := named or self.own_account:
            return account_id
        if (sample := self._sample()) is not None:
            return sample.account_id
        raise WrongUsage(f"Which account? Say --account acc_…, or set {variable('account')}.")

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
        # An account of the local stack means nothing to services that were named.
        is_elsewhere = any(url_of(service) in self.places.named for service in HTTP_SERVICES)
        state_dir = self.places.state_dir
        return None if state_dir is None or is_elsewhere else load_sample(state_dir)


def say_target(target: str) -> None:
    """Say what a command works on, on standard error, so that what is piped stays as it is."""
    sys.stderr.write(f"{target}\n")
