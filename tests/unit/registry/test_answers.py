"""Answers: members are added before they are encoded, and what is kept is given again byte for byte."""

from datetime import UTC, datetime, timedelta

import pytest

from keyfold.registry.commands.answers import add_last_use, add_members, pack, unpack
from keyfold.registry.resources import CreatedKey, KeyResource, key_resource, warnings_of
from keyfold.runtime.http import Answer
from keyfold.store.access_log.activity import LastUse
from tests.support.domain.given import KEY, NOW

NAME = 'Zahnärzte "am Ring" \\ 東\u2028\x7f\x1f</b>'
RESOURCE = key_resource(KEY, 7, NOW).model_copy(
    update={"name": NAME, "expires_at": NOW + timedelta.resolution}
)
WITH_SECRET = CreatedKey(key=RESOURCE, secret="kfs_live_x", warnings=warnings_of({}))
USE = LastUse(used_at=datetime(2026, 3, 2, 8, tzinfo=UTC), refused_at=None)
KEPT_BEFORE = (
    b'{"status":null,"headers":{"ETag":"\\"1\\"","Location":"/v1/accounts/acc_1"},'
    b'"body":"{\\"account_id\\":\\"acc_1\\",\\"name\\":\\"\xc3\x84\\",\\"integrations_enabled\\":false,\\"version\\":1}"}'
)
"""As it was written before answers had members."""


@pytest.mark.parametrize("body", [RESOURCE, WITH_SECRET, None])
def test_what_is_kept_is_sent_again_byte_for_byte(body: KeyResource | CreatedKey | None) -> None:
    """Whatever a name holds, and with its status and headers."""
    answer = Answer(body=body, status=201, headers={"ETag": '"7"'})
    kept = unpack(pack(answer))
    assert kept.encode() == answer.encode()
    assert (kept.status, kept.headers) == (201, {"ETag": '"7"'})


def test_what_was_kept_before_is_read() -> None:
    """The form of what is kept has not changed."""
    kept = unpack(KEPT_BEFORE)
    assert kept.encode() == (
        '{"account_id":"acc_1","name":"Ä","integrations_enabled":false,"version":1}'.encode()
    )
    assert kept.headers == {"ETag": '"1"', "Location": "/v1/accounts/acc_1"}
    assert pack(kept) == KEPT_BEFORE


@pytest.mark.parametrize("body", [RESOURCE, WITH_SECRET])
def test_members_are_added_alike_to_a_new_answer_and_to_a_kept_one(body: KeyResource | CreatedKey) -> None:
    """The rest stays as it was, and in its order."""
    new = Answer(body=body)
    for answer in (new, unpack(pack(new))):
        added = add_last_use(add_members(answer, enforced=True), USE)
        used = body.model_copy(update={"last_used_at": USE.used_at})
        if isinstance(body, CreatedKey):
            used = body.model_copy(update={"key": RESOURCE.model_copy(update={"last_used_at": USE.used_at})})
        expected = used.model_dump_json().encode().removesuffix(b"}") + b',"enforced":true}'
        assert added.encode() == expected
