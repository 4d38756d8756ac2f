"""A problem in words for a person."""

from __future__ import annotations

import pytest

from keyfold.client.http import sentence


@pytest.mark.parametrize(
    ("status", "problem", "said"),
    [
        (
            409,
            {"type": "urn:keyfold:problem:key-revoked", "detail": "the key is revoked."},
            "The key is revoked (409 key-revoked).",
        ),
        (
            422,
            {
                "type": "urn:keyfold:problem:bad-body",
                "detail": "the body is not acceptable",
                "errors": [
                    {"pointer": "/name", "detail": "it is missing"},
                    {"pointer": "/x", "detail": "it is unknown"},
                ],
            },
            "The body is not acceptable; /name: it is missing; /x: it is unknown (422 bad-body).",
        ),
        (
            404,
            {"type": "urn:keyfold:problem:not-found", "detail": "there is none", "instance": "/v1/keys/x"},
            "There is none: /v1/keys/x (404 not-found).",
        ),
        (502, {}, "The answer was 502 (502 problem)."),
        (400, {"title": "Bad Request", "errors": "odd"}, "Bad Request (400 problem)."),
        (
            400,
            {"title": "Bad Request", "errors": [1, {"detail": "it is odd"}]},
            "Bad Request; it is odd (400 problem).",
        ),
    ],
)
def test_sentence(status: int, problem: dict[str, object], said: str) -> None:
    """A problem is one sentence: what is wrong, where, and its kind, to search for."""
    assert sentence(status, problem) == said
