"""The name of an exported file."""

from __future__ import annotations

import pytest

from keyfold.audit.query.exporting import file_name
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.store.access_log.export import ExportFormat
from keyfold.store.access_log.scope import AccountScope, KeyScope, Scope, UnattributedScope, VendorScope
from tests.support.access_events import EPOCH


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        (AccountScope(account_id=AccountId("acc_1")), "acc_1"),
        (KeyScope(account_id=AccountId("acc_1"), key_id=KeyId("key_1")), "key_1"),
        (KeyScope(account_id=AccountId("acc_1"), key_id=KeyId("kfs_live_" + "x" * 60)), "unknown"),
        (VendorScope(vendor_id=VendorId('v"\r\n;/../é')), "v_________"),
        (UnattributedScope(), "unattributed"),
    ],
)
def test_a_file_name_tells_whose_it_is(scope: Scope, name: str) -> None:
    """The name has the id and the days, and no characters of an id that mean something in a header."""
    found = file_name(scope, EPOCH, EPOCH, ExportFormat.CSV)
    assert found == f"keyfold-activity-{name}-20260315-20260315.csv"
