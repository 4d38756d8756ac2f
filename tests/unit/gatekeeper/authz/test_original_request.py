"""Exactly one source says what the original request was."""

import pytest

from keyfold.gatekeeper.authz.request.original_request import OriginalRequest, read_original_request
from keyfold.gatekeeper.gateways import GatewayKind
from tests.support.gatekeeper.heart import fields_of

FORWARDED = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/v1/patient/7?x=1")]
ORIGINAL = [("X-Original-Method", "POST"), ("X-Original-URI", "/v1/note")]


def read(
    kind: GatewayKind, headers: list[tuple[str, str]], method: str = "GET", path: str = "/authz"
) -> OriginalRequest:
    """Read the original request from a question of such a gateway."""
    return read_original_request(kind, method, path, fields_of(*headers))


def test_a_forwarding_gateway_tells_by_its_pair() -> None:
    """A gateway of the kind `forwarded` tells by X-Forwarded-Method and X-Forwarded-Uri, and nothing else."""
    told = read(GatewayKind.FORWARDED, FORWARDED + ORIGINAL)
    assert (told.method, told.target, told.is_clear) == ("GET", "/v1/patient/7?x=1", True)


def test_an_original_gateway_tells_by_its_pair() -> None:
    """A client's X-Forwarded-Method: GET on a POST changes nothing where the gateway is of the other kind."""
    told = read(GatewayKind.ORIGINAL, FORWARDED + ORIGINAL)
    assert (told.method, told.target, told.is_clear) == ("POST", "/v1/note", True)


@pytest.mark.parametrize(
    "path", ["//v1//x", "/v1/a%2Fb", "/v1/../note", "/v1/x;a=1", "/", "/v1/%zz?q=/authz"]
)
def test_a_path_after_the_prefix_is_taken_as_it_was_sent(path: str) -> None:
    """The path after /authz, with the request's own method, wins over any header and arrives unchanged."""
    told = read(GatewayKind.FORWARDED, FORWARDED, "DELETE", "/authz" + path)
    assert (told.method, told.target, told.is_clear) == ("DELETE", path, True)


@pytest.mark.parametrize("kind", GatewayKind)
@pytest.mark.parametrize("at", [0, 1])
def test_half_a_pair_tells_nothing(kind: GatewayKind, at: int) -> None:
    """One header of the pair missing makes the request unclear, and what is missing is named."""
    pair = FORWARDED if kind is GatewayKind.FORWARDED else ORIGINAL
    told = read(kind, pair[:at] + pair[at + 1 :])
    assert not told.is_clear
    assert told.lacks == f"{pair[at][0]} is missing"


@pytest.mark.parametrize("kind", GatewayKind)
@pytest.mark.parametrize("at", [0, 1])
def test_a_header_that_is_there_twice_tells_nothing(kind: GatewayKind, at: int) -> None:
    """A second copy, equal or not, makes the request unclear: one of them is the client's."""
    pair = FORWARDED if kind is GatewayKind.FORWARDED else ORIGINAL
    told = read(kind, [*pair, pair[at]])
    assert not told.is_clear
    assert told.lacks == f"{pair[at][0]} is there more than once"


def test_the_other_kinds_headers_never_stand_in() -> None:
    """A gateway's missing headers are not replaced by those of the other kind."""
    assert not read(GatewayKind.FORWARDED, ORIGINAL).is_clear
    assert not read(GatewayKind.ORIGINAL, FORWARDED).is_clear


@pytest.mark.parametrize(
    "name",
    [
        "X-HTTP-Method-Override",
        "x-http-method",
        "X-Method-Override",
        "X_HTTP_Method_Override",
        "X-HTTP_METHOD-Override",
        "X-Rewrite-URL",
        "x_rewrite_url",
        "X-Original-URL",
    ],
)
@pytest.mark.parametrize("path", ["/authz", "/authz/v1/patient"])
def test_an_override_makes_it_unclear(name: str, path: str) -> None:
    """An override that an upstream may obey is never decided on, and is no fault of the gateway."""
    told = read(GatewayKind.FORWARDED, [*FORWARDED, (name, "DELETE")], path=path)
    assert (told.is_clear, told.lacks) == (False, None)


def test_the_url_that_ingress_nginx_adds_overrides_nothing() -> None:
    """X-Original-URL beside the pair of an `original` gateway is the gateway's own."""
    assert read(GatewayKind.ORIGINAL, [*ORIGINAL, ("X-Original-URL", "https://a/v1/note")]).is_clear


@pytest.mark.parametrize("method", ["get", "GET, POST", "", "G\u00e9T", "X" * 40])
def test_what_is_no_plain_method_is_unclear(method: str) -> None:
    """A method that an upstream might fold to another one is not guessed at."""
    assert not read(GatewayKind.FORWARDED, [("X-Forwarded-Method", method), FORWARDED[1]]).is_clear


@pytest.mark.parametrize("path", ["http://host/authz/v1", "/%61uthz/v1", "/authzx", "//authz/v1"])
def test_another_prefix_tells_nothing(path: str) -> None:
    """A target that does not plainly start with /authz is unclear, whatever headers are there."""
    assert not read(GatewayKind.FORWARDED, FORWARDED, path=path).is_clear


def test_the_fixed_path_may_have_a_query() -> None:
    """A query on the fixed path is nothing: the pair still tells."""
    assert read(GatewayKind.FORWARDED, FORWARDED, path="/authz?v1=2").target == "/v1/patient/7?x=1"
