"""Any sequence of commands, at any time: its events fold, and tell and decide what a naive model says."""

from datetime import timedelta
from itertools import product
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from keyfold.domain.ids import KeyId, VendorId
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.vendor import ReviewKind
from keyfold.domain.permissions import Access, Category
from tests.support.property.account_rules import AccountRules, KeyRules
from tests.support.property.choices import (
    ACCOUNT_IDS,
    BEHIND,
    DAY,
    KEY_IDS,
    KEYS,
    MADE,
    NO_TIME,
    OVERLAPS,
    PASSES,
    SAID,
    STEPS,
    VENDOR_IDS,
    VENDOR_KEY_IDS,
    VENDOR_KEYS,
    VENDORS,
)
from tests.support.property.model import CATEGORY_OF, WITHIN
from tests.support.property.plain import plain_model, plain_state
from tests.support.property.replays import fold_by_stream, fold_packed, read_with_repeats
from tests.support.property.vendor_rules import VendorKeyRules, VendorRules


class Histories(AccountRules, KeyRules, VendorRules, VendorKeyRules):
    """Commands on a few accounts, vendors and keys, in any order, at clocks that err."""

    @initialize(is_open=PASSES, approved=st.sampled_from([VENDOR_IDS[:1], VENDOR_IDS]))
    def open(self, is_open: bool, approved: tuple[VendorId, ...]) -> None:
        """Start most histories where a key of each kind works, and many where both vendors are approved."""
        if not is_open:
            return
        said = {"name": "n", "contact_email": "e", "website": "w", "intended_use": "u"}
        self.create_account(ACCOUNT_IDS[0])
        self.set_integrations(ACCOUNT_IDS[0], True)
        for vendor_id, applicant in zip(approved, ("dana", "dora"), strict=False):
            self.apply(vendor_id, {**said, "categories": (Category.PATIENT,)}, applicant)
            for kind in ReviewKind:
                self.review(vendor_id, kind, True, "rita", NO_TIME)
            self.approve(vendor_id, "rita", NO_TIME)
        self.issue(VENDOR_IDS[0], VENDOR_KEY_IDS[0], "rita")
        made = {"name": "n", "words": {Category.PATIENT: Access.WRITE}}
        anyhow = {"vendors": None, "networks": None, "limit": None}
        self.create_key(ACCOUNT_IDS[0], KEY_IDS[0], made | anyhow, 17 * DAY, NO_TIME)

    @rule(step=STEPS, behind=BEHIND)
    def keep_time(self, step: timedelta, behind: timedelta) -> None:
        """Wait, and then record all that has fallen due of anything."""
        self.wait(step)
        for vendor_id in self.model.vendors:
            self.pass_vendor_time(VendorId(vendor_id), behind)
        for key_id, key in self.model.vendor_keys.items():
            self.pass_vendor_key_time(key["owner"], KeyId(key_id), behind)
        for key_id, key in self.model.keys.items():
            self.pass_key_time(key["owner"], KeyId(key_id), behind)

    @rule(overlaps=st.lists(OVERLAPS, min_size=1, max_size=2), step=STEPS, behind=BEHIND)
    def rotate_all_and_keep_time(self, overlaps: list[timedelta], step: timedelta, behind: timedelta) -> None:
        """Rotate every key as its owner, perhaps twice: rotations and their ends seldom meet by chance."""
        for overlap in overlaps:
            for key_id, key in self.model.vendor_keys.items():
                self.rotate_vendor_key(key["owner"], KeyId(key_id), overlap, behind)
            for key_id, key in self.model.keys.items():
                self.rotate_key(key["owner"], KeyId(key_id), overlap, behind)
        self.every_secret_opens_what_the_model_says()
        self.keep_time(step, behind)

    @rule(made=MADE)
    def make_every_key(self, made: dict[str, Any]) -> None:
        """Make all keys for one account: the bound on its live keys is seldom met by chance."""
        for key_id in KEY_IDS:
            self.create_key(ACCOUNT_IDS[0], key_id, made, None, NO_TIME)

    @rule(vendor_id=VENDORS)
    def name_a_suspended_vendor(self, vendor_id: VendorId) -> None:
        """Suspend a vendor and name it, for that too seldom comes by chance."""
        self.suspend(vendor_id, "rita")
        for key_id in KEY_IDS:
            self.edit_key(ACCOUNT_IDS[0], key_id, {"vendors": (vendor_id,)}, NO_TIME)
        self.reinstate(vendor_id, "rita")

    @rule(vendor_id=VENDORS, said=SAID)
    def reject_and_reapply(self, vendor_id: VendorId, said: dict[str, Any]) -> None:
        """Have a vendor ask again, for that too seldom comes by chance."""
        self.reject(vendor_id, "rita")
        self.reapply(vendor_id, said, "dora")

    @rule(
        vendor_key_id=VENDOR_KEYS,
        key_id=KEYS,
        ages=st.tuples(st.integers(0, 3), st.integers(0, 3)),
        client_ip=st.sampled_from(list(WITHIN)),
        verb=st.sampled_from(["GET", "PUT"]),
        path=st.sampled_from(list(CATEGORY_OF)),
    )
    def ask_anything(
        self,
        vendor_key_id: KeyId,
        key_id: KeyId,
        ages: tuple[int, int],
        client_ip: str | None,
        verb: str,
        path: str,
    ) -> None:
        vendor_key = vendor_key_id, self.past_secret(vendor_key_id, ages[0])
        self.ask(vendor_key, (key_id, self.past_secret(key_id, ages[1])), client_ip, verb, path)

    @invariant()
    def every_secret_opens_what_the_model_says(self) -> None:
        keys = [(key_id, self.past_secret(key_id, age)) for key_id in KEY_IDS for age in (0, 1, 2)]
        vendor_keys = [(key_id, self.past_secret(key_id, age)) for key_id in VENDOR_KEY_IDS for age in (0, 1)]
        for vendor_key, key in product(vendor_keys, keys):
            self.ask(vendor_key, key, "203.0.113.7", "PUT", "/v1/patient/7")

    @invariant()
    def state_is_what_the_model_says(self) -> None:
        assert plain_state(self.state) == plain_model(self.model)

    def teardown(self) -> None:
        """A replay, and folds by stream, with repeats and of packed values, give the state that lived."""
        replayed = State()
        for event in self.history:
            replayed.fold(event)
        assert replayed == self.state
        assert fold_by_stream(self.history) == self.state
        assert read_with_repeats(self.history) == self.state
        assert fold_packed(self.history) == self.state


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=100, stateful_step_count=60)
