"""Path tricks through the gateway: none reaches a category that the plain path would not."""

from __future__ import annotations

import pytest

from tests.support.stack.world import Practice, World

REFUSED = ("ambiguous_request", "unmapped_route", "category_denied")


@pytest.mark.parametrize(
    "target",
    ["/v1/patient/../note", "/v1/patient/%2e%2e/note", "/v1/patient%2F..%2Fnote", "/v1//note", "//v1/note",
     "/v1/./note", "/v1/note/", "/v1/note.", "/v1/Note", "/V1/note", "/v1/note;a", "/v1/patient;/../note",
     "/v1/note%00", "/v1/note%00/patient", "/v1/%6eote", "/v1/note%20", "/v1/note%252F..%252Fpatient",
     "/v1/patient%5C..%5Cnote", "/v1/note?x=/v1/patient", "/v1/note%3Fx", "/v1/note/1", "/v1/note/1/patient"],
)  # fmt: skip
async def test_trick(world: World, practice: Practice, target: str) -> None:
    """A key that only reads patients cannot read clinical notes, however their path is written."""
    answer = await world.request("GET", target, practice.keys)

    if answer.status != 400:  # what the gateway itself will not take has reached nobody
        assert answer.status == 403, answer.content
        assert len(answer.reasons) == 1
        assert answer.reasons[0] in REFUSED


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_methods(world: World, practice: Practice, method: str) -> None:
    """HEAD reads; every method but GET and HEAD, known or not, writes."""
    answer = await world.request(method, "/v1/patient/7", practice.keys)

    assert answer.reasons == ([] if method == "HEAD" else ["read_only"])


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
async def test_method_override(world: World, practice: Practice, name: str) -> None:
    """A read that tells the API to treat it as a write does not pass as a read."""
    answer = await world.request("GET", "/v1/patient/7", (*practice.keys, (name, "DELETE")))

    assert answer.status != 200
