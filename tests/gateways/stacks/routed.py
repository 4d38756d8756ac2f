"""APIs on Python's frameworks whose handlers are a route map's lines, and answer with their line.

Run as `python -m tests.gateways.stacks.routed drf|asgi|werkzeug|aiohttp PORT`. The lines are in ROUTES, the
most specific first, as JSON: `{"line", "segments", "method"}`. Each framework has its usual settings.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import django
import uvicorn
from aiohttp import web
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import path, re_path
from django.views.decorators.http import require_http_methods
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import run_simple

ROUTES: list[dict[str, Any]] = json.loads(os.environ.get("ROUTES", "[]"))


def _spellings(route: dict[str, Any], parameter: str, rest: str) -> list[str]:
    """Return a route's patterns: with `**` one for none of the rest and one for some."""
    segments = [parameter % at if each == "{}" else each for at, each in enumerate(route["segments"])]
    if segments[-1] != "**":
        return ["/".join(segments)]
    return ["/".join(segments[:-1]), "/".join([*segments[:-1], rest])]


def _methods(route: dict[str, Any]) -> list[str]:
    return [route["method"]] if route["method"] else ["GET", "POST", "PUT", "PATCH", "DELETE"]


def _serve_drf(port: int) -> None:
    _configure("rest_framework")
    # Django REST framework can be imported only when its settings are there.
    from rest_framework.decorators import api_view
    from rest_framework.response import Response as RestResponse
    from rest_framework.urlpatterns import format_suffix_patterns

    def view(route: dict[str, Any]) -> Any:
        def answer(request: Any, **_: object) -> Any:
            return RestResponse({"line": route["line"], "method": request.method})

        return api_view(_methods(route))(answer)

    patterns = [
        re_path(f"^{re.sub(r'%[0-9]+', '[^/.]+', spelt)}/?$", view(route))
        for route in ROUTES
        for spelt in _spellings(route, "%%%d", ".+")
    ]
    urlpatterns.extend(format_suffix_patterns(patterns))
    run_simple("127.0.0.1", port, get_wsgi_application(), threaded=True)


def _serve_asgi(port: int) -> None:
    _configure()
    urlpatterns.extend(
        path(spelt, _django_view(route))
        for route in ROUTES
        for spelt in _spellings(route, "<str:p%d>", "<path:rest>")
    )
    uvicorn.run(get_asgi_application(), host="127.0.0.1", port=port, lifespan="off")


def _django_view(route: dict[str, Any]) -> Callable[..., HttpResponseBase]:
    def answer(request: HttpRequest, **_: object) -> JsonResponse:
        return JsonResponse({"line": route["line"], "method": request.method})

    checked: Callable[..., HttpResponseBase] = require_http_methods(_methods(route))(answer)
    return checked


def _configure(*apps: str) -> None:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=apps,
        REST_FRAMEWORK={"UNAUTHENTICATED_USER": None, "DEFAULT_AUTHENTICATION_CLASSES": []},
        ROOT_URLCONF=__name__,
    )
    django.setup()


def _serve_werkzeug(port: int) -> None:
    rules = Map(
        [
            Rule(f"/{spelt}", endpoint=str(route["line"]), methods=_methods(route))
            for route in ROUTES
            for spelt in _spellings(route, "<p%d>", "<path:rest>")
        ],
        strict_slashes=False,
    )

    @Request.application
    def application(request: Request) -> Response:
        try:
            endpoint, _ = rules.bind_to_environ(request.environ).match()
        except HTTPException as failed:
            return Response(status=failed.code)
        told = {"line": int(endpoint), "method": request.method}
        return Response(json.dumps(told), content_type="application/json")

    run_simple("127.0.0.1", port, application, threaded=True)


def _serve_aiohttp(port: int) -> None:
    application = web.Application()

    def handler(line: int) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            return web.json_response({"line": line, "method": request.method})

        return answer

    for route in ROUTES:
        for spelt in _spellings(route, "{p%d}", "{rest:.*}"):
            application.router.add_route(route["method"] or "*", f"/{spelt}", handler(route["line"]))
    web.run_app(application, host="127.0.0.1", port=port, print=None)


urlpatterns: list[Any] = []

if __name__ == "__main__":
    sys.modules["tests.gateways.stacks.routed"] = sys.modules["__main__"]
    {"drf": _serve_drf, "asgi": _serve_asgi, "werkzeug": _serve_werkzeug, "aiohttp": _serve_aiohttp}[
        sys.argv[1]
    ](int(sys.argv[2]))
