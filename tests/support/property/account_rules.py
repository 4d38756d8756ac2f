"""Every command to an account, to its keys and to the ledger itself, by anybody, sensible or not."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from keyfold.domain.ids import AccountId, KeyId
from keyfold.domain.lifecycle import account
from keyfold.domain.lifecycle import subscriber_key_commands as commands
from keyfold.domain.lifecycle.signatures import signed_head
from keyfold.domain.network import Network, parse_network
from keyfold.domain.permissions import Permissions
from keyfold.domain.rate_limit import RateLimit
from tests.support.property.choices import ACCOUNTS, BEHIND, EDITS, KEYS, LIVES, MADE, OVERLAPS
from tests.support.property.commanded import Commanded, digest_of
from tests.support.property.model import LIVE_KEYS_MAX


class Signs:
    """Signs with bytes that are recognised in a text if they get there."""

    key_id = "k"

    def sign(self, position: int, head_hash: bytes, at: datetime) -> bytes:
        """Return a made-up signature."""
        return digest_of(position)


class AccountRules(Commanded):
    """An account is opened, its switch turned, and the ledger's head signed."""

    @rule(account_id=ACCOUNTS)
    def create_account(self, account_id: AccountId) -> None:
        command = account.CreateAccount(account_id=account_id, name="n")
        self.run(command, self.model.create_account(account_id))

    @rule(account_id=ACCOUNTS, enabled=st.booleans())
    def set_integrations(self, account_id: AccountId, enabled: bool) -> None:
        command = account.SetIntegrations(account_id=account_id, enabled=enabled)
        self.run(command, self.model.set_integrations(account_id, enabled))

    @rule(position=st.integers(1, 9))
    def take_checkpoint(self, position: int) -> None:
        command = signed_head.TakeCheckpoint(position=position, head_hash=bytes(32), signer=Signs())
        self.run(command, self.model.take_checkpoint(position))


class KeyRules(Commanded):
    """An account's keys are made, edited, rotated and revoked."""

    @rule(account_id=ACCOUNTS, key_id=KEYS, made=MADE, life=LIVES, behind=BEHIND)
    def create_key(
        self,
        account_id: AccountId,
        key_id: KeyId,
        made: dict[str, Any],
        life: timedelta | None,
        behind: timedelta,
    ) -> None:
        secret, at = self.new_secret(key_id), self.clock - behind
        expires_at = None if life is None else at + life
        command = commands.CreateSubscriberKey(
            account_id=account_id,
            key_id=key_id,
            name=made["name"],
            permissions=Permissions.of(made["words"]),
            vendor_ids=made["vendors"],
            networks=_parsed(made["networks"]),
            rate_limit=_limit(made["limit"]),
            expires_at=expires_at,
            digest=digest_of(secret),
            secret_hint="h",
            live_keys_max=LIVE_KEYS_MAX,
        )
        asked = {**made, "words": _said(made["words"]), "expires_at": expires_at}
        self.run(command, self.model.create_key(account_id, key_id, asked, secret, at), at)

    @rule(account_id=ACCOUNTS, key_id=KEYS, edits=EDITS, behind=BEHIND)
    def edit_key(
        self, account_id: AccountId, key_id: KeyId, edits: dict[str, Any], behind: timedelta
    ) -> None:
        at = self.clock - behind
        asked = {field: value for field, value in edits.items() if field != "life"}
        if "life" in edits:
            asked["expires_at"] = None if edits["life"] is None else at + edits["life"]
        command = commands.EditSubscriberKey(
            account_id=account_id,
            key_id=key_id,
            name=asked.get("name", commands.UNSET),
            permissions=asked.get("words", commands.UNSET),
            vendor_ids=asked.get("vendors", commands.UNSET),
            networks=_parsed(asked["networks"]) if "networks" in asked else commands.UNSET,
            rate_limit=_limit(asked["limit"]) if "limit" in asked else commands.UNSET,
            expires_at=asked.get("expires_at", commands.UNSET),
        )
        asked["words"] = _said(asked.get("words", {}))
        self.run(command, self.model.edit_key(account_id, key_id, asked, at), at)

    @rule(account_id=ACCOUNTS, key_id=KEYS, overlap=OVERLAPS, behind=BEHIND)
    def rotate_key(self, account_id: AccountId, key_id: KeyId, overlap: timedelta, behind: timedelta) -> None:
        command = partial(commands.RotateSubscriberKey, account_id=account_id)
        self.rotate(command, partial(self.model.rotate_key, account_id), key_id, overlap, behind)

    @rule(account_id=ACCOUNTS, key_id=KEYS)
    def revoke_key(self, account_id: AccountId, key_id: KeyId) -> None:
        command = commands.RevokeSubscriberKey(account_id=account_id, key_id=key_id)
        self.run(command, self.model.revoke_key(account_id, key_id))

    @rule(account_id=ACCOUNTS, key_id=KEYS, behind=BEHIND)
    def pass_key_time(self, account_id: AccountId, key_id: KeyId, behind: timedelta) -> None:
        at = self.clock - behind
        command = commands.PassSubscriberKeyTime(account_id=account_id, key_id=key_id)
        self.pass_time(command, self.model.pass_key_time(account_id, key_id, at), at)


def _limit(text: str | None) -> RateLimit | None:
    return None if text is None else RateLimit.parse(text)


def _parsed(networks: tuple[str, ...] | None) -> tuple[Network, ...] | None:
    return None if networks is None else tuple(map(parse_network, networks))


def _said(words: dict[Any, Any]) -> dict[str, str]:
    return {category.value: access.word for category, access in words.items()}
