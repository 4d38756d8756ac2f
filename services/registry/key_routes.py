"""The calls about subscriber keys, as rows of the route table."""

from typing import Final

from libs.runtime.http import AnyRoute, OwnAccount, Route
from services.registry.bodies import KeyChanges, NewKey
from services.registry.keys import KeyQuery, Keys
from services.registry.resources import KeyPage, KeyResource, KeyWithSecret

_ALL: Final = "/v1/accounts/{account_id}/keys"
_ONE: Final = _ALL + "/{key_id}"


def key_routes(keys: Keys) -> list[AnyRoute]:
    """Return the rows of the route table."""
    return [
        Route(
            method="POST",
            path=_ALL,
            handler=keys.create_key,
            rule=OwnAccount(),
            summary="Make a key; its secret is in this answer and nowhere else.",
            body=NewKey,
            answer=KeyWithSecret,
            status=201,
            refusals=(409, 412),
        ),
        Route(
            method="GET",
            path=_ALL,
            handler=keys.list_keys,
            rule=OwnAccount(),
            summary="The account's keys, newest first.",
            query=KeyQuery,
            answer=KeyPage,
        ),
        Route(
            method="GET",
            path=_ONE,
            handler=keys.get_key,
            rule=OwnAccount(),
            summary="A key.",
            answer=KeyResource,
        ),
        Route(
            method="PATCH",
            path=_ONE,
            handler=keys.edit_key,
            rule=OwnAccount(),
            summary="Change what is named of a key, also within its permissions; the rest stays.",
            body=KeyChanges,
            answer=KeyResource,
            refusals=(409, 412),
        ),
        Route(
            method="DELETE",
            path=_ONE,
            handler=keys.revoke_key,
            rule=OwnAccount(),
            summary="Revoke a key, for ever; again changes nothing.",
            answer=KeyResource,
            refusals=(409, 412),
        ),
    ]
