"""The OpenAPI 3.1 document of a route table."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from keyfold.runtime.http.openapi.links import links
from keyfold.runtime.http.problem import MEDIA_TYPE
from keyfold.runtime.http.route import PARAMETER, AnyRoute
from keyfold.runtime.http.rules import CredentialOr, OwnCredential, Public, describe

_REFERENCE: Final = "#/components/schemas/{model}"
_ANY_METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")
_PROBLEM_SCHEMA: Final[dict[str, object]] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}

_RATE_LIMIT_HEADERS: Final[dict[str, object]] = {
    "Retry-After": {"description": "Seconds until a call may succeed.", "schema": {"type": "integer"}},
    "RateLimit-Policy": {"description": "The limit, its quota and window.", "schema": {"type": "string"}},
    "RateLimit": {"description": "What is left of it, and until when.", "schema": {"type": "string"}},
}

Schemas = dict[object, object]
"""The reference to the schema of each (model, mode) pair."""


def document(name: str, routes: Sequence[AnyRoute]) -> dict[str, object]:
    """Return the document of the service ``name``: of each route who may call, what is read and answered."""
    references, definitions = _schemas(routes)
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        for method in _methods(route):
            operation = _operation(route, method, references)
            operation["responses"] = _responses(route, references, routes)
            paths.setdefault(_template(route.path), {})[method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Keyfold {name}", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {**definitions, "Problem": _PROBLEM_SCHEMA},
            "securitySchemes": _security_schemes(routes),
        },
    }


def _schemas(routes: Sequence[AnyRoute]) -> tuple[Schemas, dict[str, dict[str, Any]]]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    for route in routes:
        wanted += [(model, "validation") for model in (route.body, route.query) if model]
        wanted += [(model, "serialization") for model in _answers(route).values() if model]
    references, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REFERENCE)
    return _describe_additions(routes, dict(references.items()), definitions.get("$defs", {}))


def _describe_additions(
    routes: Sequence[AnyRoute], references: Schemas, definitions: dict[str, dict[str, Any]]
) -> tuple[Schemas, dict[str, dict[str, Any]]]:
    """Add a schema for each answer that a request's header may add members to."""
    for route in routes:
        if route.answer and (added := _added_members(route)):
            name = f"{route.answer.__name__}WhenAsked"
            plain = definitions[route.answer.__name__]
            members = {**plain["properties"], **added}
            definitions[name] = {**plain, "title": name, "properties": members}
            references[route.answer, tuple(added)] = {"$ref": _REFERENCE.format(model=name)}
    return references, definitions


def _added_members(route: AnyRoute) -> dict[str, object]:
    return {name: schema for header in route.headers for name, schema in header.adds.items()}


def _answers(route: AnyRoute) -> dict[int, type[BaseModel] | None]:
    return {route.status: route.answer, **route.also_answers}


def _methods(route: AnyRoute) -> tuple[str, ...]:
    return _ANY_METHODS if route.method == "*" else (route.method.lower(),)


def _template(path: str) -> str:
    return PARAMETER.sub(r"{\1}", path)


def _operation(route: AnyRoute, method: str, references: Schemas) -> dict[str, object]:
    operation: dict[str, object] = {
        "operationId": route.operation_id if route.method != "*" else f"{route.operation_id}_{method}",
        "summary": route.summary,
        "x-keyfold-rule": describe(route.rule),
        "security": _security(route),
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
    }
    if route.body:
        content = {route.body_kind.media_type: {"schema": references[route.body, "validation"]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _security(route: AnyRoute) -> list[dict[str, list[str]]]:
    match route.rule:
        case Public():
            return []
        case OwnCredential(header):
            return [{header: []}]
        case CredentialOr(header, _):
            return [{header: []}, {"bearer": []}]
        case _:
            return [{"bearer": []}]


def _security_schemes(routes: Sequence[AnyRoute]) -> dict[str, object]:
    headers = {route.rule.header for route in routes if isinstance(route.rule, OwnCredential | CredentialOr)}
    return {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        **{header: {"type": "apiKey", "in": "header", "name": header} for header in sorted(headers)},
    }


def _path_parameters(route: AnyRoute) -> Iterator[dict[str, object]]:
    for name in route.path_parameters:
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(route: AnyRoute) -> Iterator[dict[str, object]]:
    if route.query is None:
        return
    schema = route.query.model_json_schema(ref_template=_REFERENCE)
    required = schema.get("required", [])
    for name, each in schema["properties"].items():
        yield {"name": name, "in": "query", "required": name in required, "schema": each}


def _header_parameters(route: AnyRoute) -> Iterator[dict[str, object]]:
    for header in route.headers:
        described = {"name": header.name, "in": "header", "required": False}
        yield {**described, "description": header.description, "schema": dict(header.schema)}


def _responses(route: AnyRoute, references: Schemas, routes: Sequence[AnyRoute]) -> dict[str, object]:
    answered: dict[str, dict[str, object]] = {}
    for status, model in _answers(route).items():
        answered[str(status)] = {"description": HTTPStatus(status).phrase}
        if model:
            form = tuple(_added_members(route)) if model is route.answer else ()
            content = {"application/json": {"schema": references[model, form or "serialization"]}}
            answered[str(status)]["content"] = content
    if route.media_types:
        text = {"schema": {"type": "string"}}
        answered[str(route.status)]["content"] = dict.fromkeys(route.media_types, text)
    if found := links(route, routes):
        answered[str(route.status)]["links"] = found
    refusal = {
        "description": "Refused; the problem says why.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    refused = {str(status): refusal for status in sorted(_refusals(route))}
    if "429" in refused:
        refused["429"] = {**refusal, "headers": _RATE_LIMIT_HEADERS}
    return {**answered, **refused}


def _refusals(route: AnyRoute) -> set[int]:
    """Return the refusals' statuses: those that follow from the row itself, and those of its handler."""
    found = {*route.refusals, 400, 500}
    if not isinstance(route.rule, Public):
        found |= {401, 403, 503}
    if not isinstance(route.rule, Public | OwnCredential):
        found.add(429)
    if route.path_parameters:
        found.add(404)
    if route.body:
        found |= {413, 415, 422}
    if route.refuses_body:
        found |= {413, 422}
    return found - _answers(route).keys()
