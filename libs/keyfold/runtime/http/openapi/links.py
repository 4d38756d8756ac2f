"""Links of the OpenAPI document: from the answer that created a thing to every call that takes its id."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from pydantic import BaseModel

from keyfold.runtime.http.route import AnyRoute
from keyfold.runtime.http.rules import OwnCredential


def links(route: AnyRoute, routes: Sequence[AnyRoute]) -> dict[str, object]:
    """Return the links of a route that creates something, by the operation that each leads to."""
    if route.status != HTTPStatus.CREATED or route.answer is None:
        return {}
    made = _find_fields(route.answer)
    asked = {name: f"$request.path.{name}" for name in route.path_parameters}
    return {
        other.operation_id: {
            "operationId": other.operation_id,
            "parameters": {name: (made | asked)[name] for name in other.path_parameters},
        }
        for other in routes
        if not isinstance(other.rule, OwnCredential) and _leads_to(other, made, asked)
    }


def _leads_to(other: AnyRoute, made: Mapping[str, str], asked: Mapping[str, str]) -> bool:
    wanted = set(other.path_parameters)
    return wanted <= made.keys() | asked.keys() and bool(wanted & (made.keys() - asked.keys()))


def _find_fields(model: type[BaseModel]) -> dict[str, str]:
    """Return where the answer has each field: at its top, or within the one resource it holds."""
    top: dict[str, str] = {}
    within: dict[str, str] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            within |= {each: f"$response.body#/{name}/{each}" for each in field.annotation.model_fields}
        else:
            top[name] = f"$response.body#/{name}"
    return within | top
