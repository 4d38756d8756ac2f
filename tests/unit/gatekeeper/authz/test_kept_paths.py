"""What is kept of a path: all of it but secrets, or no more than the pattern of its route."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final, get_args

import pytest
from msgspec.structs import replace

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.domain.permissions import Category
from keyfold.gatekeeper.authz.request.headers import Fields
from keyfold.gatekeeper.settings import PathsKept
from keyfold.wire.keys.format import MintedKey
from tests.support.gatekeeper.heart import KEYS, POLICY, heart_in, with_fields
from tests.support.gatekeeper.practice import KEY, UNKNOWN_KEY

ROUTES: Final = parse_route_map(
    "/v1/patients/** patient\n/v1/patients/{id} patient\n/v1/patients/{id}/notes/{note} clinical"
)
TEMPLATES: Final = {
    "/": "/**",
    "/v1/patients": "/v1/patients/**",
    "/v1/patients/7": "/v1/patients/{}",
    "/V1/Patients/7/": "/v1/patients/{}",
    "/v1/patients/7?name=Erna": "/v1/patients/{}",
    "/v1/patients/7/notes/8": "/v1/patients/{}/notes/{}",
    "/v1/patients/7/pictures/8": "/v1/patients/**",
    "/v1/doctors/7": "/**",
    "/v1/patients/7/../8": "/**",
    "/v1//patients": "/**",
    "*": "/**",
}


async def record_of(root: Path, paths: PathsKept, fields: Fields) -> AccessEvent:
    """Return the record of a question about the original request that the fields tell."""
    with heart_in(root, policy=dataclasses.replace(POLICY, route_map=ROUTES, paths=paths)) as heart:
        await heart.answer("GET", "/authz", fields)
        (event,) = heart.records()
    return event


def about(target: str, fields: Fields = KEYS) -> Fields:
    """Return the fields of a question about that target."""
    return {**fields, "x-forwarded-method": ["GET"], "x-forwarded-uri": [target]}


@pytest.mark.parametrize(("target", "template"), TEMPLATES.items())
async def test_a_template_has_no_id(tmp_path: Path, target: str, template: str) -> None:
    """With `template` the pattern of the route is kept, and where there is none nothing of the path."""
    assert (await record_of(tmp_path, "template", about(target))).path == template


@pytest.mark.parametrize("target", TEMPLATES)
async def test_a_path_is_kept_as_it_was_sent(tmp_path: Path, target: str) -> None:
    """With `full` the path is kept but for its query string."""
    assert (await record_of(tmp_path, "full", about(target))).path == target.partition("?")[0]


@pytest.mark.parametrize("vendor_key", [[], ["no key"]])
@pytest.mark.parametrize(("key", "category"), [(UNKNOWN_KEY, None), (KEY, Category.PATIENT)])
async def test_a_denial_for_its_keys_has_its_template_too(
    tmp_path: Path, vendor_key: list[str], key: MintedKey, category: Category | None
) -> None:
    """Which route was asked for is told though the decision needed no route; where it names nobody, it looks
    for none.
    """
    keys = with_fields(x_api_key=vendor_key, a_api_key=[key.secret])
    event = await record_of(tmp_path, "template", about("/v1/patients/7", keys))
    assert (event.path, event.category) == ("/v1/patients/{}", category)


async def test_what_cannot_be_told_has_no_template(tmp_path: Path) -> None:
    """Of a request that may be read in two ways no route is claimed."""
    contradicted = {**about("/v1/patients/7"), "x-rewrite-url": ["/v1/patients/8"]}
    assert (await record_of(tmp_path, "template", contradicted)).path == "/**"


async def test_nothing_else_differs(tmp_path: Path) -> None:
    """The setting changes the path alone, not what is decided."""
    full, template = [
        await record_of(tmp_path / paths, paths, about("/v1/patients/7")) for paths in get_args(PathsKept)
    ]
    assert replace(full, path="") == replace(template, path="")
