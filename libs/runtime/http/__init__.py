"""HTTP as a table of routes: each says who may call, what it reads and what it answers."""

from libs.runtime.http.app import build_app
from libs.runtime.http.listen import serve_handler, serve_http
from libs.runtime.http.models import (
    GivenInstant,
    GivenInt,
    Instant,
    JsonBody,
    QueryString,
    WholeNumber,
    rfc3339,
)
from libs.runtime.http.paging import LimitQuery, PageQuery, cut, encode_cursor, page
from libs.runtime.http.problem import NOT_FOUND, FieldError, Problem, Refused
from libs.runtime.http.rate_limits import RateLimits
from libs.runtime.http.route import (
    Answer,
    AnyRoute,
    Reply,
    Request,
    RequestHeader,
    Route,
    UndeclaredRoute,
)
from libs.runtime.http.rules import AnyOf, AnyRole, OwnAccount, OwnCredential, OwnVendor, Public, Roles

__all__ = [
    "NOT_FOUND",
    "Answer",
    "AnyOf",
    "AnyRole",
    "AnyRoute",
    "FieldError",
    "GivenInstant",
    "GivenInt",
    "Instant",
    "JsonBody",
    "LimitQuery",
    "OwnAccount",
    "OwnCredential",
    "OwnVendor",
    "PageQuery",
    "Problem",
    "Public",
    "QueryString",
    "RateLimits",
    "Refused",
    "Reply",
    "Request",
    "RequestHeader",
    "Roles",
    "Route",
    "UndeclaredRoute",
    "WholeNumber",
    "build_app",
    "cut",
    "encode_cursor",
    "page",
    "rfc3339",
    "serve_handler",
    "serve_http",
]
