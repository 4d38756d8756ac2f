"""The OpenAPI documents are those that the running services serve."""

from pathlib import Path

import aiohttp
import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from keyfold.local.service_specs import SERVICES
from tests.support.stack.running import RunningStack

DOCUMENTS = Path(__file__).parents[3] / "docs" / "openapi"


@pytest.mark.parametrize("service", [spec.name for spec in SERVICES])
async def test_the_document_of_a_service_is_what_it_serves(stack: RunningStack, service: str) -> None:
    """`docs/openapi` has each service's own description; `make openapi` rewrites them."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{stack.url(service)}/openapi.json") as answer,
    ):
        served = orjson.loads(await answer.read())
    OpenAPIV31SpecValidator(served).validate()
    assert served == orjson.loads((DOCUMENTS / f"{service}.json").read_bytes())
