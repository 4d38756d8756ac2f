"""Whenever the read model stores something else, its shape is another: else an old one is read wrongly."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.resources import files

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey
from keyfold.domain.network import parse_network
from keyfold.domain.permissions import Access, Category, Permissions
from keyfold.domain.rate_limit import RateLimit
from keyfold.domain.secret import OutgoingSecret
from keyfold.store import read_model
from keyfold.store.read_model.rows import SHAPE
from keyfold.wire.keys.packed_key import pack_key

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = ActiveSubscriberKey(
    key_id=KeyId("key_0123456789ab"),
    account_id=AccountId("acc_0123456789ab"),
    name="Recalls",
    permissions=Permissions.of({Category.APPOINTMENT: Access.WRITE, Category.PATIENT: Access.READ}),
    vendor_ids=(VendorId("ven_0123456789ab"),),
    networks=(parse_network("203.0.113.0/24"),),
    rate_limit=RateLimit.of(100, 60),
    expires_at=NOW + timedelta(days=90),
    reminders=(NOW + timedelta(days=76),),
    digest=bytes(32),
    secret_hint="kfs_live_0123456789ab…",
    outgoing=OutgoingSecret(digest=bytes(32), secret_hint="kfs_live_0123456789ab…", works_until=NOW),
    created_at=NOW,
    replaced=(bytes(8),),
)
SHAPES = {
    701: "74eead5ac4267092352c32e18c482b308e6f6b5837a0715e1c8a3a1eca3c51a4",
    801: "67904234434b17c862da96571ef3fabbd7caa6a11d4a2ff665b35a9474459a2f",
}
"""What was stored under each shape that was released. Add a line; never change one."""


def test_shape() -> None:
    """Whoever changes the tables raises `_TABLES_SHAPE`, whoever changes what is packed `PACKED_FORMAT`."""
    lines = files(read_model).joinpath("tables.sql").read_text().splitlines()
    tables = "\n".join(line for line in lines if not line.startswith("--"))
    assert SHAPES.get(SHAPE) == sha256(tables.encode() + pack_key(KEY)).hexdigest()
