"""What a command works with: the services, and a token for the role that it needs."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from keyfold.client.endpoints import HTTP_SERVICES, POSTGRES, Endpoints, url_setting
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
    """The services as one command sees them.

    ``role`` is that of ``--as``, None for each call's own; ``as_json`` and ``wide`` say how the answer is
    shown; ``token`` and ``own_account`` come from the environment.
    """

    endpoints: Endpoints
    client: Client
    role: Role | None = None
    send_options: SendOptions | None = None
    as_json: bool = False
    wide: bool = False
    token: SecretStr | None = None
    own_account: str | None = None

    async def get(
        self, path: str, who: Claims, *, service: str = "registry", query: Mapping[str, str] | None = None
    ) -> JsonObject:
        """Return one thing."""
        return await self.client.call(service, "GET", path, bearer=self.bearer(who, service), query=query)

    async def ask(self, service: str, path: str, who: Claims, question: JsonObject) -> JsonObject:
        """Return the answer to a question that changes nothing and is too long for a URL."""
        return await self.client.call(service, "POST", path, bearer=self.bearer(who, service), body=question)

    async def command(
        self, method: str, path: str, who: Claims, body: JsonObject | None = None
    ) -> JsonObject:
        """Send the registry a command; return its answer."""
        send_options, bearer = self.send_options or SendOptions.of(), self.bearer(who)
        say_target(self.endpoints.service_at("registry"))
        return await self.client.call(
            "registry", method, path, bearer=bearer, body=body, options=send_options
        )

    def items(
        self,
        path: str,
        who: Claims,
        *,
        items_max: int,
        service: str = "registry",
        query: Mapping[str, str | None] | None = None,
    ) -> AsyncIterator[JsonObject]:
        """Yield at most ``items_max`` items of a list, newest first; a filter of None does not filter."""
        filters = {name: value for name, value in (query or {}).items() if value is not None}
        bearer = self.bearer(who, service)
        return self.client.items(service, path, bearer=bearer, query=filters, items_max=items_max)

    def bearer(self, who: Claims, service: str = "registry") -> str:
        """Return the token for a service: KEYFOLD_TOKEN for an address from the environment, and for a local
        stack one that it signs itself for ``who``. Neither is ever sent to the other."""
        state_dir, url = self.endpoints.state_dir, url_setting(service)
        if state_dir is None or not self.endpoints.is_local(url):
            return self._named_token(who, service)
        if self.token is not None:
            raise WrongUsage(
                f"{variable('token')} is not for the {service} of the local stack in {state_dir}: set "
                f"{variable(url)} to where it belongs, unset it, or name the stack with --dir."
            )
        claims = who if self.role is None else self._with_sample_ids(replace(who, role=self.role))
        return LocalSigner(state_dir).sign(claims, now=SYSTEM_CLOCK.now(), ttl_s=TOKEN_TTL_S)

    def _named_token(self, who: Claims, service: str) -> str:
        if self.token is None:
            raise CommandFailed(
                f"A bearer token of the role {who.role} is needed: set {variable('token')}. "
                "(Only a local stack's own addresses get one that keyfold signs itself.)"
            )
        address = urlsplit(self.endpoints.urls.get(service, ""))
        if address.scheme == "http" and not is_loopback(address.hostname):
            url = variable(url_setting(service))
            raise WrongUsage(
                f"{url} is plain http to another machine, where {variable('token')} "
                "could be read on the way: give an https:// address, or one of this machine."
            )
        return self.token.get_secret_value()

    def database(self, what: str, service: str = "") -> str:
        """Return the database's address, with a service's login if one is named, and print which it is.

        ``what`` is the part that is worked on, such as `ledger`. Raises CommandFailed.
        """
        dsn = self.endpoints.postgres_of(service)
        if dsn is None:
            raise CommandFailed(f"Which database? Set {variable(POSTGRES)}.")
        say_target(f"{what} of {self.endpoints.database_at()}")
        return dsn

    def account(self, named: str | None) -> str:
        """Return the account of an argument, of KEYFOLD_ACCOUNT, or of the sample. Raises WrongUsage."""
        if account_id := named or self.own_account:
            return account_id
        if (sample := self._sample()) is not None:
            return sample.account_id
        raise WrongUsage(f"Which account? Say --account acc_…, or set {variable('account')}.")

    def for_vendor(self, vendor_id: str) -> Claims:
        """Return a reviewer's claims, or with `--as vendor` that vendor's."""
        return vendor(vendor_id) if self.role is Role.VENDOR else REVIEWER

    def _with_sample_ids(self, claims: Claims) -> Claims:
        # Another role needs an id too if the command names none: the sample's.
        sample = self._sample()
        if sample is None:
            return claims
        return replace(
            claims,
            account_id=claims.account_id or sample.account_id,
            vendor_id=claims.vendor_id or sample.vendor_id,
        )

    def _sample(self) -> Sample | None:
        # The local stack's sample means nothing to services that the environment names.
        is_elsewhere = any(url_setting(service) in self.endpoints.named for service in HTTP_SERVICES)
        state_dir = self.endpoints.state_dir
        return None if state_dir is None or is_elsewhere else load_sample(state_dir)


def say_target(target: str) -> None:
    """Print what a command works on, to standard error, so that a pipe gets only the answer."""
    sys.stderr.write(f"{target}\n")
