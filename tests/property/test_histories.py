"""Any accepted sequence of commands is a history: it folds, and into what a naive model says."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from libs.domain import account, subscriber_key, vendor, vendor_key
from libs.domain.ids import AccountId, KeyId, VendorId
from libs.domain.lifecycle import Aggregate, LifecycleEvent
from libs.domain.permissions import Access, Category, Permissions
from libs.domain.refusal import Refusal
from libs.domain.state import State
from libs.domain.vendor import Review, ReviewKind, Verdict
from tests.property.replays import by_stream, read_with_repeats

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNTS = st.sampled_from([AccountId("acc_1"), AccountId("acc_2")])
VENDORS = st.sampled_from([VendorId("ven_1"), VendorId("ven_2")])
VENDOR_KEYS = st.sampled_from([KeyId("key_v1"), KeyId("key_v2")])
KEYS = st.sampled_from([KeyId("key_s1"), KeyId("key_s2"), KeyId("key_s3")])
WORDS = st.dictionaries(st.sampled_from(Category), st.sampled_from(Access), max_size=3)
HOURS = st.integers(-1, 2)
UNSET = subscriber_key.UNSET
Outcome = tuple[LifecycleEvent, ...] | Refusal


@dataclass
class Model:
    """What a reader of the help page would expect, in plain dictionaries."""

    accounts: dict[str, bool] = field(default_factory=dict)
    vendors: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)


def changed(outcome: Outcome) -> bool:
    """Return whether a command was taken and changed something."""
    return not isinstance(outcome, Refusal) and bool(outcome)


class Histories(RuleBasedStateMachine):
    """Commands on a few accounts, vendors and keys, in any order, sensible or not."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.history: list[LifecycleEvent] = []
        self.model = Model()

    def _take(self, outcome: Outcome, *, expected: bool) -> None:
        assert changed(outcome) is expected, outcome
        for event in () if isinstance(outcome, Refusal) else outcome:
            self.state.fold(event)
            self.history.append(event)

    @rule(account_id=ACCOUNTS)
    def create_account(self, account_id: AccountId) -> None:
        expected = account_id not in self.model.accounts
        command = account.CreateAccount(account_id=account_id, name="n")
        self._take(account.decide(command, self.state.accounts.get(account_id)), expected=expected)
        self.model.accounts.setdefault(account_id, False)

    @rule(account_id=ACCOUNTS, enabled=st.booleans())
    def set_integrations(self, account_id: AccountId, enabled: bool) -> None:
        expected = self.model.accounts.get(account_id, enabled) != enabled
        command = account.SetIntegrations(enabled=enabled)
        self._take(account.decide(command, self.state.accounts.get(account_id)), expected=expected)
        if expected:
            self.model.accounts[account_id] = enabled

    @rule(vendor_id=VENDORS)
    def apply(self, vendor_id: VendorId) -> None:
        command = vendor.ApplyVendor(
            vendor_id=vendor_id,
            name="n",
            contact_email="e",
            website="w",
            intended_use="u",
            categories=(Category.PATIENT,),
            applicant="dana",
        )
        self._command_vendor(vendor_id, command, expected=vendor_id not in self.model.vendors)
        self.model.vendors.setdefault(vendor_id, {"state": "applied", "passed": {}})

    @rule(
        vendor_id=VENDORS,
        kind=st.sampled_from(ReviewKind),
        passes=st.booleans(),
        reviewer=st.sampled_from(["rita", "rita", "rita", "dana"]),
    )
    def review(self, vendor_id: VendorId, kind: ReviewKind, passes: bool, reviewer: str) -> None:
        known = self.model.vendors.get(vendor_id)
        verdict = Verdict.PASS if passes else Verdict.FAIL
        review = Review(kind=kind, verdict=verdict, notes="", reviewer=reviewer, reviewed_at=NOW)
        expected = known is not None and known["state"] != "rejected" and reviewer != "dana"
        self._command_vendor(vendor_id, vendor.ReviewVendor(review=review), expected=expected)
        if known is not None and expected:
            known["passed"][kind.value] = passes

    @rule(vendor_id=VENDORS, approver=st.sampled_from(["rita", "rita", "dana"]))
    def approve(self, vendor_id: VendorId, approver: str) -> None:
        known = self.model.vendors.get(vendor_id, {"state": None, "passed": {}})
        reviewed = known["passed"] == {"security": True, "compliance": True}
        expected = known["state"] == "applied" and reviewed and approver != "dana"
        self._command_vendor(vendor_id, vendor.ApproveVendor(approver=approver), expected=expected)
        known["state"] = "approved" if expected else known["state"]

    @rule(
        vendor_id=VENDORS,
        move=st.sampled_from(
            [
                (vendor.RejectVendor(reason="r"), "applied", "rejected"),
                (vendor.SuspendVendor(reason="r"), "approved", "suspended"),
                (vendor.ReinstateVendor(), "suspended", "approved"),
            ]
        ),
    )
    def move(self, vendor_id: VendorId, move: tuple[vendor.VendorCommand, str, str]) -> None:
        command, start, end = move
        known = self.model.vendors.get(vendor_id, {"state": None})
        expected = known["state"] == start
        self._command_vendor(vendor_id, command, expected=expected)
        known["state"] = end if expected else known["state"]

    def _command_vendor(self, vendor_id: VendorId, command: vendor.VendorCommand, *, expected: bool) -> None:
        self._take(vendor.decide(command, self.state.vendors.get(vendor_id)), expected=expected)

    @rule(vendor_id=VENDORS, key_id=VENDOR_KEYS)
    def issue(self, vendor_id: VendorId, key_id: KeyId) -> None:
        approved = self.model.vendors.get(vendor_id, {}).get("state") == "approved"
        expected = approved and key_id not in self.model.keys
        command = vendor_key.IssueVendorKey(key_id=key_id, digest=bytes(32), secret_hint="h", issued_at=NOW)
        self._command_vendor_key(vendor_id, key_id, command, expected=expected)
        if expected:
            self.model.keys[key_id] = {"owner": vendor_id, "revoked": False}

    @rule(vendor_id=VENDORS, key_id=VENDOR_KEYS)
    def revoke_vendor_key(self, vendor_id: VendorId, key_id: KeyId) -> None:
        known = self.model.keys.get(key_id, {})
        expected = known.get("owner") == vendor_id and not known["revoked"]
        command = vendor_key.RevokeVendorKey(revoked_at=NOW)
        self._command_vendor_key(vendor_id, key_id, command, expected=expected)
        known["revoked"] = known.get("revoked", False) or expected

    def _command_vendor_key(
        self, vendor_id: VendorId, key_id: KeyId, command: vendor_key.VendorKeyCommand, *, expected: bool
    ) -> None:
        key, owner = self.state.vendor_key(key_id), self.state.vendors.get(vendor_id)
        self._take(vendor_key.decide(command, key, owner), expected=expected)

    @rule(account_id=ACCOUNTS, key_id=KEYS, words=WORDS, hours=st.none() | HOURS)
    def create_key(
        self, account_id: AccountId, key_id: KeyId, words: dict[Category, Access], hours: int | None
    ) -> None:
        in_future = hours is None or hours > 0
        expected = account_id in self.model.accounts and key_id not in self.model.keys and in_future
        command = subscriber_key.CreateSubscriberKey(
            key_id=key_id,
            name="n",
            permissions=Permissions.of(words),
            vendor_ids=None,
            expires_at=None if hours is None else NOW + timedelta(hours=hours),
            digest=bytes(32),
            secret_hint="h",
            created_at=NOW,
        )
        self._command_key(account_id, key_id, command, expected=expected)
        if expected:
            none = dict.fromkeys((category.value for category in Category), "none")
            named = {category.value: access.word for category, access in words.items()}
            self.model.keys[key_id] = {
                "owner": account_id,
                "revoked": False,
                "edited": {"name": "n", "words": none | named, "vendors": None, "hours": hours},
            }

    @rule(
        account_id=ACCOUNTS,
        key_id=KEYS,
        name=st.just(UNSET) | st.sampled_from(["n", "m"]),
        words=st.just(UNSET) | WORDS,
        vendors=st.just(UNSET) | st.none() | st.tuples(VENDORS),
        hours=st.just(UNSET) | st.none() | HOURS,
    )
    def edit_key(
        self, account_id: AccountId, key_id: KeyId, name: Any, words: Any, vendors: Any, hours: Any
    ) -> None:
        known = self.model.keys.get(key_id, {"owner": None, "revoked": True, "edited": {}})
        before = known["edited"]
        after = dict(before)
        for what, value in (("name", name), ("vendors", vendors), ("hours", hours)):
            after[what] = before.get(what) if value is UNSET else value
        named = {} if words is UNSET else {category.value: level.word for category, level in words.items()}
        after["words"] = before.get("words", {}) | named
        is_possible = after["hours"] == before.get("hours") or after["hours"] is None or after["hours"] > 0
        is_mine = known["owner"] == account_id and not known["revoked"]
        expected = is_mine and is_possible and after != before
        command = subscriber_key.EditSubscriberKey(
            at=NOW,
            name=name,
            permissions=words,
            vendor_ids=vendors,
            expires_at=NOW + timedelta(hours=hours) if isinstance(hours, int) else hours,
        )
        self._command_key(account_id, key_id, command, expected=expected)
        known["edited"] = after if expected else before

    @rule(account_id=ACCOUNTS, key_id=KEYS)
    def revoke_key(self, account_id: AccountId, key_id: KeyId) -> None:
        known = self.model.keys.get(key_id, {})
        expected = known.get("owner") == account_id and not known["revoked"]
        command = subscriber_key.RevokeSubscriberKey(revoked_at=NOW)
        self._command_key(account_id, key_id, command, expected=expected)
        known["revoked"] = known.get("revoked", False) or expected

    def _command_key(
        self,
        account_id: AccountId,
        key_id: KeyId,
        command: subscriber_key.SubscriberKeyCommand,
        *,
        expected: bool,
    ) -> None:
        key, owner = self.state.subscriber_key(key_id), self.state.accounts.get(account_id)
        self._take(subscriber_key.decide(command, key, owner), expected=expected)

    @invariant()
    def state_is_what_the_model_says(self) -> None:
        assert {key: held.integrations_enabled for key, held in self.state.accounts.items()} == (
            self.model.accounts
        )
        assert {key: held.state for key, held in self.state.vendors.items()} == {
            key: known["state"] for key, known in self.model.vendors.items()
        }
        assert {key: plain(held) for key, held in self.state.keys.items()} == {
            key: known
            if "edited" in known and not known["revoked"]
            else {"owner": known["owner"], "revoked": known["revoked"]}
            for key, known in self.model.keys.items()
        }

    def teardown(self) -> None:
        """A replay, a fold stream by stream, and a fold with repeats all give the state that lived."""
        replayed = State()
        for event in self.history:
            replayed.fold(event)
        assert replayed == self.state
        assert by_stream(self.history) == self.state
        assert read_with_repeats(self.history) == self.state


def plain(key: Aggregate) -> dict[str, Any]:
    """Return a key as the model writes it."""
    match key:
        case subscriber_key.ActiveSubscriberKey():
            hours = None if key.expires_at is None else (key.expires_at - NOW) // timedelta(hours=1)
            edited: dict[str, Any] = {"name": key.name, "words": key.permissions.as_words()}
            edited |= {"vendors": key.vendor_ids, "hours": hours}
            return {"owner": key.account_id, "revoked": False, "edited": edited}
        case subscriber_key.RevokedSubscriberKey():
            return {"owner": key.account_id, "revoked": True}
        case vendor_key.ActiveVendorKey() | vendor_key.RevokedVendorKey():
            return {"owner": key.vendor_id, "revoked": isinstance(key, vendor_key.RevokedVendorKey)}
    raise AssertionError(key)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=40)
