"""Every command to a vendor and to its keys, by anybody, sensible or not."""

from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from keyfold.domain.ids import KeyId, LoginId, VendorId
from keyfold.domain.lifecycle import vendor_commands, vendor_judgement, vendor_key_commands
from keyfold.domain.lifecycle.vendor import ReviewKind, VendorApplication, Verdict
from tests.support.property.choices import (
    AMENDED,
    BEHIND,
    NOTES,
    OVERLAPS,
    PASSES,
    PEOPLE,
    SAID,
    VENDOR_KEYS,
    VENDORS,
)
from tests.support.property.commanded import Commanded, digest_of
from tests.support.property.model import REVIEWS_VALID_FOR


class VendorRules(Commanded):
    """A vendor applies, is reviewed, suspended and reinstated."""

    @rule(vendor_id=VENDORS, said=SAID, applicant=PEOPLE)
    def apply(self, vendor_id: VendorId, said: dict[str, Any], applicant: str) -> None:
        command = vendor_commands.ApplyVendor(
            vendor_id=vendor_id,
            application=VendorApplication(**said),
            applicant=applicant,
            issuer="i",
            login_id=LoginId(f"log_{applicant}"),
        )
        self.run(command, self.model.apply(vendor_id, said, applicant))

    @rule(vendor_id=VENDORS, words=AMENDED)
    def amend(self, vendor_id: VendorId, words: dict[str, Any]) -> None:
        self.run(
            vendor_commands.AmendVendor(vendor_id=vendor_id, **words), self.model.amend(vendor_id, words)
        )

    @rule(vendor_id=VENDORS, said=SAID, applicant=PEOPLE)
    def reapply(self, vendor_id: VendorId, said: dict[str, Any], applicant: str) -> None:
        command = vendor_commands.ReapplyVendor(
            vendor_id=vendor_id, application=VendorApplication(**said), applicant=applicant
        )
        self.run(command, self.model.reapply(vendor_id, said, applicant))

    @rule(vendor_id=VENDORS, kind=st.sampled_from(ReviewKind), passes=PASSES, reviewer=PEOPLE, behind=BEHIND)
    def review(
        self, vendor_id: VendorId, kind: ReviewKind, passes: bool, reviewer: str, behind: timedelta
    ) -> None:
        at = self.clock - behind
        command = vendor_judgement.ReviewVendor(
            vendor_id=vendor_id,
            kind=kind,
            verdict=Verdict.PASS if passes else Verdict.FAIL,
            notes=NOTES,
            reviewer=reviewer,
            valid_for=REVIEWS_VALID_FOR,
        )
        self.run(command, self.model.review(vendor_id, kind.value, passes, reviewer, at), at)

    @rule(vendor_id=VENDORS, reviewer=PEOPLE, behind=BEHIND)
    def approve(self, vendor_id: VendorId, reviewer: str, behind: timedelta) -> None:
        at = self.clock - behind
        command = vendor_judgement.ApproveVendor(vendor_id=vendor_id, reviewer=reviewer)
        self.run(command, self.model.approve(vendor_id, reviewer, at), at)

    @rule(vendor_id=VENDORS, reviewer=PEOPLE)
    def reject(self, vendor_id: VendorId, reviewer: str) -> None:
        expected = self.model.move(vendor_id, reviewer, "applied", "rejected", "VendorRejected")
        self.run(vendor_judgement.RejectVendor(vendor_id=vendor_id, reviewer=reviewer, reason="r"), expected)

    @rule(vendor_id=VENDORS, reviewer=PEOPLE)
    def suspend(self, vendor_id: VendorId, reviewer: str) -> None:
        expected = self.model.move(vendor_id, reviewer, "approved", "suspended", "VendorSuspended")
        self.run(vendor_judgement.SuspendVendor(vendor_id=vendor_id, reviewer=reviewer, reason="r"), expected)

    @rule(vendor_id=VENDORS, reviewer=PEOPLE)
    def reinstate(self, vendor_id: VendorId, reviewer: str) -> None:
        expected = self.model.move(vendor_id, reviewer, "suspended", "approved", "VendorReinstated")
        self.run(vendor_judgement.ReinstateVendor(vendor_id=vendor_id, reviewer=reviewer), expected)

    @rule(vendor_id=VENDORS, behind=BEHIND)
    def pass_vendor_time(self, vendor_id: VendorId, behind: timedelta) -> None:
        at = self.clock - behind
        command = vendor_commands.PassVendorTime(vendor_id=vendor_id)
        self.pass_time(command, self.model.pass_vendor_time(vendor_id, at), at)


class VendorKeyRules(Commanded):
    """A vendor's keys are issued, rotated and revoked."""

    @rule(vendor_id=VENDORS, key_id=VENDOR_KEYS, reviewer=PEOPLE)
    def issue(self, vendor_id: VendorId, key_id: KeyId, reviewer: str) -> None:
        secret = self.new_secret(key_id)
        command = vendor_key_commands.IssueVendorKey(
            vendor_id=vendor_id,
            reviewer=reviewer,
            key_id=key_id,
            digest=digest_of(secret),
            secret_hint="h",
        )
        self.run(command, self.model.issue(vendor_id, key_id, reviewer, secret))

    @rule(vendor_id=VENDORS, key_id=VENDOR_KEYS, overlap=OVERLAPS, behind=BEHIND)
    def rotate_vendor_key(
        self, vendor_id: VendorId, key_id: KeyId, overlap: timedelta, behind: timedelta
    ) -> None:
        command = partial(vendor_key_commands.RotateVendorKey, vendor_id=vendor_id)
        self.rotate(command, partial(self.model.rotate_vendor_key, vendor_id), key_id, overlap, behind)

    @rule(vendor_id=VENDORS, key_id=VENDOR_KEYS)
    def revoke_vendor_key(self, vendor_id: VendorId, key_id: KeyId) -> None:
        command = vendor_key_commands.RevokeVendorKey(vendor_id=vendor_id, key_id=key_id)
        self.run(command, self.model.revoke_vendor_key(vendor_id, key_id))

    @rule(vendor_id=VENDORS, key_id=VENDOR_KEYS, behind=BEHIND)
    def pass_vendor_key_time(self, vendor_id: VendorId, key_id: KeyId, behind: timedelta) -> None:
        at = self.clock - behind
        command = vendor_key_commands.PassVendorKeyTime(vendor_id=vendor_id, key_id=key_id)
        self.pass_time(command, self.model.pass_vendor_key_time(vendor_id, key_id, at), at)
