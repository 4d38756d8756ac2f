"""HTTP as a table of routes: each says who may call, what it reads and what it answers."""

from libs.runtime.http.app import build_app
from libs.runtime.http.listen import serve_http
from libs.runtime.http.models import (
    WHOLE,
    GivenInstant,
    GivenInt,
    Instant,
    JsonBody,
    QueryString,
    WholeNumber,
    rfc3339,
)
from libs.runtime.http.paging import (
    BAD_CURSOR,
    LimitQuery,
    PageQuery,
    cut,
    decode_cursor,
    encode_cursor,
    page,
)
from libs.runtime.http.problem import NOT_FOUND, FieldError, Problem, Refused
from libs.runtime.http.rate_limits import RateLimits
from libs.runtime.http.route import (
    Answer,
    AnyRoute,
    Body,
    Reply,
    Request,
    RequestHeader,
    Route,
    UndeclaredRoute,
)
from libs.runtime.http.rules import (
    AnyLogin,
    AnyOf,
    AnyRole,
    Applicant,
    CredentialOr,
    OwnAccount,
    OwnCredential,
    OwnVendor,
    Public,
    Roles,
)
from libs.runtime.http.streaming import Streamed, Writer

__all__ = [
    "BAD_CURSOR",
    "NOT_FOUND",
    "WHOLE",
    "Answer",
    "AnyLogin",
    "AnyOf",
    "AnyRole",
    "AnyRoute",
    "Applicant",
    "Body",
    "CredentialOr",
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
    "Streamed",
    "UndeclaredRoute",
    "WholeNumber",
    "Writer",
    "build_app",
    "cut",
    "decode_cursor",
    "encode_cursor",
    "listening",
    "page",
    "rfc3339",
    "serve_http",
]
