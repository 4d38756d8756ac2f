"""APIs on Python's servers and frameworks that answer with what they take a request for.

Run as `python -m tests.gateways.stacks.python werkzeug|drf PORT`; gunicorn and uvicorn find `wsgi` and `asgi`
here. Each trusts what stands before it, as its documentation says for an API behind a proxy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import re_path
from werkzeug import Request, Response
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.serving import run_simple

Environ = dict[str, Any]


def _headers(environ: Environ) -> Mapping[str, str]:
    return {name: value for name, value in environ.items() if name.startswith("HTTP_")}


def wsgi(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer as a bare WSGI application, which goes by its environment."""
    environ["wsgi.input"].read()
    told = {
        "method": environ["REQUEST_METHOD"],
        "root": environ.get("SCRIPT_NAME"),
        "path": environ["PATH_INFO"],
        "host": environ.get("HTTP_HOST"),
        "scheme": environ["wsgi.url_scheme"],
        "client": environ["REMOTE_ADDR"],
        "user": environ.get("REMOTE_USER"),
        "headers": _headers(environ),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]


async def asgi(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer as a bare ASGI application, which goes by its scope, once it has read the body."""
    if scope["type"] != "http":
        return
    while (message := await receive())["type"] == "http.request" and message.get("more_body"):
        pass
    if message["type"] == "http.disconnect":
        return
    told = {
        "method": scope["method"],
        "root": scope["root_path"],
        "path": scope["path"],
        "scheme": scope["scheme"],
        "client": scope["client"][0],
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
    }
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


@Request.application
def _werkzeug(request: Request) -> Response:
    request.get_data()
    told = {
        "method": request.method,
        "root": request.root_path,
        "path": request.path,
        "host": request.host,
        "scheme": request.scheme,
        "client": request.remote_addr,
        "user": request.remote_user,
        "headers": _headers(request.environ),
    }
    return Response(json.dumps(told), content_type="application/json")


def _serve_werkzeug(port: int) -> None:
    application = ProxyFix(_werkzeug, x_for=1, x_proto=1, x_host=1, x_port=1, x_prefix=1)
    run_simple("127.0.0.1", port, application, threaded=True)


def _serve_drf(port: int) -> None:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DEBUG=False,
        INSTALLED_APPS=["rest_framework"],
        REST_FRAMEWORK={"UNAUTHENTICATED_USER": None, "DEFAULT_AUTHENTICATION_CLASSES": []},
        ROOT_URLCONF=__name__,
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        USE_X_FORWARDED_HOST=True,
        USE_X_FORWARDED_PORT=True,
    )
    django.setup()
    run_simple("127.0.0.1", port, get_wsgi_application(), threaded=True)


def _drf(request: Any, *_: object) -> Any:
    # Django REST framework can be imported only when its settings are there.
    from rest_framework.decorators import api_view

    return api_view(["GET", "POST", "PUT", "PATCH", "DELETE"])(_told_by_drf)(request)


def _told_by_drf(request: Any) -> Any:
    from rest_framework.response import Response as RestResponse
    from rest_framework.throttling import AnonRateThrottle

    told = {
        "method": request.method,
        "root": request.META.get("SCRIPT_NAME"),
        "path": request.path,
        "host": request.get_host(),
        "scheme": request.scheme,
        "client": AnonRateThrottle().get_ident(request),
        "user": request.META.get("REMOTE_USER") or request.META.get("HTTP_REMOTE_USER"),
        "headers": _headers(request.META),
    }
    return RestResponse(told)


urlpatterns = [re_path(r"^(.*)$", _drf)]


if __name__ == "__main__":
    {"werkzeug": _serve_werkzeug, "drf": _serve_drf}[sys.argv[1]](int(sys.argv[2]))
