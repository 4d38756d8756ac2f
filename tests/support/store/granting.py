"""The edit that this is all about: a key in the read model that may do more than its owner granted."""

from __future__ import annotations

import asyncpg
from msgspec.structs import replace

from keyfold.domain.ids import KeyId
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey
from keyfold.domain.permissions import CATEGORIES, Access, Permissions
from keyfold.wire.keys.packed_key import pack_key, unpack_key

ALL = Permissions.of(dict.fromkeys(CATEGORIES, Access.WRITE))


async def grant_by_sql(dsn: str) -> None:
    """Let every subscriber key in the serving read model write everything, with a login that may edit it."""
    connection = await asyncpg.connect(dsn)
    try:
        for key_id, packed in await connection.fetch("select key_id, packed from projection.keys"):
            key = unpack_key(KeyId(key_id), packed)
            if isinstance(key, ActiveSubscriberKey):
                more = pack_key(replace(key, permissions=ALL))
                await connection.execute(
                    "update projection.keys set packed = $1 where key_id = $2", more, key_id
                )
    finally:
        await connection.close()
