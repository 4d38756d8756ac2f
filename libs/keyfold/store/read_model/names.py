"""What vendors and keys are called today: the log keeps ids alone, and the read model has their names."""

from collections.abc import Collection

from keyfold.domain.access.names import AccountKey, Names
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import translate_read_model_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.store.read_model.reader import SERVING

_sql = load_statements("read_model/names", schema=SERVING)


async def read_names(pool: Pool, vendor_ids: Collection[VendorId], keys: Collection[AccountKey]) -> Names:
    """Return what these are called. Raises ReadModelAbsent, DatabaseAway or Misconfigured."""
    asked = {
        "vendor_ids": list(vendor_ids),
        "account_ids": [account_id for account_id, _ in keys],
        "key_ids": [key_id for _, key_id in keys],
    }
    vendors, named = dict[VendorId, str](), dict[AccountKey, str]()
    with translate_read_model_errors():
        async for account_id, name_id, name in _sql.read_names(pool, **asked):
            if account_id is None:
                vendors[VendorId(name_id)] = name
            else:
                named[AccountId(account_id), KeyId(name_id)] = name
    return Names(vendors=vendors, keys=named)
