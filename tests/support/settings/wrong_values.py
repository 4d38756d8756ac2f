"""Wrong values of every kind that people set, for each setting: by its type, and by what it means."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, Union, get_args, get_origin

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from tests.support.settings.services import PASSWORD, SECRET

Wrong: TypeAlias = str | Callable[[Path], str]
"""A value, or a function that makes one in a directory of its own."""

NOTHING: Final[Sequence[Wrong]] = ("", " ", "\t", "\n", "\u00a0")
NO_WORD: Final[Sequence[Wrong]] = ("x\r", " x", "x\n", "x\x1b[31m", "x\udcff")
NO_HOST: Final[Sequence[Wrong]] = ("http://h", "h h", "h/x", "-h", "h..i", "a" * 64, "ü", "[::1]", "h:1")
NO_ADDRESS: Final[Sequence[Wrong]] = (
    "h",
    "h:",
    ":9092",
    "h:x",
    "h:0",
    "h:65536",
    "h:-1",
    "h:9092,",
    ",h:9092",
    "h:9092,,i:9092",
    "h:9092, i:9092",
    "h i:9092",
    "kafka://h:9092",
    "::1:9092",
    "h:9092/x",
)
_SPLIT: Final = f"p@{PASSWORD}/w#rd"
NO_DSN: Final[Sequence[Wrong]] = (
    "keyfold",
    f"mysql://u:{PASSWORD}@h/db",
    f"postgresql:u:{PASSWORD}@h/db",
    f"postgresql://u:{_SPLIT}@h/db",
    *(f"postgresql://u:{PASSWORD}{each}x@h/db" for each in ("@", "/", "#", "?", "[", "]", "%", "%zz", "%00")),
    f"postgresql://u:{PASSWORD}%ff@h/db",
    f"postgresql://u:{PASSWORD}@h:x/db",
    f"postgresql://u:{PASSWORD}@h:0/db",
    f"postgresql://u:{PASSWORD}@h:65536/db",
    f"postgresql://u:{PASSWORD}@h,/db",
    f"postgresql://u:{PASSWORD}@h, i/db",
    f"postgresql://u:{PASSWORD}@h/db x",
    f"postgresql://u:{PASSWORD}@h/db",
    f"postgresql://u:{PASSWORD}@localhost,h/db",
    f"postgresql://u:{PASSWORD}@h/db?sslmode=prefer",
    f"postgresql://u:{PASSWORD}@h/db?sslmode=require",
    f"postgresql://u:{PASSWORD}@/db?host=h&sslmode=disable",
    f"postgresql://u:{PASSWORD}@h/db?sslmode",
    f"postgresql://u:{PASSWORD}@h/db?sslmode=full",
    f"postgresql://u:{PASSWORD}@h/db?sslmode=verify-full",
    f"postgresql://u:{PASSWORD}@h/db?sslmode=verify-ca",
    f"postgresql://u:{PASSWORD}@h/db?sslmode=verify-full&sslrootcert=/none/ca.pem",
    f"postgresql://u:{PASSWORD}@h/db?sslmode=require&sslrootcert=/",
    f"postgresql://u:{PASSWORD}@h/db?sslcert=/none/client.pem",
    f"postgresql://u:{PASSWORD}@h/db?target_session_attrs=best",
    f"postgresql://u:{PASSWORD}@h/db?port=x",
    f"postgresql://u:{PASSWORD}@/db?host=a,,b",
    lambda d: f"postgresql://u@h/db?sslmode=verify-full&sslrootcert={file(d, b'no certificate')}",
)
NO_URL: Final[Sequence[Wrong]] = (
    "registry.example",
    "registry.example:8080",
    "ftp://registry.example",
    "http://",
    "http:///x",
    "https://h:65536",
    "https://h:x",
    "https://h:0",
    "https://h:",
    f"https://u:{PASSWORD}@h",
    "https://[::1",
    "https://h/?x=1",
    "https://h/#x",
    "https://h h",
)

NO_ORIGIN: Final[Sequence[Wrong]] = (*NO_URL, "https://h/x", "http://console.example", "https://h;x", "h")

NO_PLACE: Final[Sequence[Wrong]] = ("/~", "/a~2b", "/realm_access/roles~")


def file(directory: Path, content: bytes) -> str:
    """Write a file and return its path."""
    path = directory / "wrong"
    path.write_bytes(content)
    return str(path)


def _holding(*contents: bytes) -> Sequence[Wrong]:
    return [partial(file, content=content) for content in contents]


NO_FILE: Final[Sequence[Wrong]] = (
    "/none/such",
    "/",
    "/dev/null",
    "/dev/zero",
    "/proc/self/mem",  # a file that nobody can read from its start, not even root
    "x" * 300,
    *_holding(b"", b" \r\n", b"\x00\xff\xfe garbage", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf"),
)
_RSA = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _jwks(*members: dict[str, object]) -> bytes:
    return orjson.dumps({"keys": list(members)})


MEANT: Final[Mapping[str, Sequence[Wrong]]] = {
    "account": ("acc_1/keys", "acc 1", "x" * 41),
    "checkpoint_file": ("/", "/none/such/file", "/dev/null", lambda d: f"{file(d, b'')}/x"),
    "checkpoint_key": (*NO_FILE, *_holding(_RSA, _RSA[:80])),
    "seal_key": (*NO_FILE, *_holding(_RSA, _RSA[:80])),
    "seal_key_next": (*NO_FILE, *_holding(_RSA, _RSA[:80])),
    "seal_public_keys": (*NO_FILE, *_holding(_RSA, _RSA[:80])),
    "console_url": NO_ORIGIN,
    "dir": (),
    "frame_ancestors": (*NO_ORIGIN[:-1], "'self'", "*", "https://*.example.com", "https://a, https://b"),
    "gateways": (
        *NO_FILE,
        *_holding(b"{", b"{}", b"[]", b'"x"', b"[1]", b'[{"name": "a b"}]', b'[{"name": "a", "token": "x"}]'),
    ),
    "http_host": NO_HOST,
    "idempotency_secret": ("s3cret-" * 4,),
    "journal_dir": (lambda d: file(d, b""), lambda d: f"{file(d, b'')}/x"),
    "state_secret": (*NO_FILE, *_holding(b"0" * 63, b"0" * 65, b"g" * 64, b"0" * 64 + b"\n" + b"0" * 64)),
    "audit_secret": (*NO_FILE, *_holding(b"0" * 63, b"0" * 65, b"g" * 64)),
    "jwks": (
        *NO_FILE,
        "http://issuer.test/jwks",
        "ftp://issuer.test/jwks",
        "https://",
        "https://h:65536/jwks",
        f"https://u:{PASSWORD}@h/jwks",
        "https//issuer.test/jwks",
        *_holding(
            b"[]", b'{"keys": 1}', _jwks(), _jwks({"kty": "oct", "k": "AAAA", "kid": "a", "alg": "HS256"})
        ),
        *_holding(
            _jwks({"kty": "RSA", "n": "!", "e": 5, "kid": [1]}), _jwks({"kty": "EC"}), b'{"keys": {"a": 1}}'
        ),
    ),
    "jwt_account_claim": NO_PLACE,
    "jwt_audience": (),
    "jwt_issuer": (),
    "jwt_role_claim": NO_PLACE,
    "jwt_roles": (
        *("owner", "{", "[]", "{}", "null", '"owner"', "[" * 100_000),
        *('{"a": "boss"}', '{"a": 1}', '{"a": ["owner"]}', '{"": "owner"}', '{"a": "owner", "a": "vendor"}'),
    ),
    "jwt_types": ("", "id", "at+jwt,id", "at+jwt,", ",", "at+jwt jwt", "application/at+jwt", '["jwt"]'),
    "jwt_vendor_claim": NO_PLACE,
    "kafka_bootstrap": NO_ADDRESS,
    "kafka_ca": (*NO_FILE, *_holding(_RSA, _RSA[:80])),
    "kafka_client_certificate": NO_FILE,
    "kafka_client_key": (*NO_FILE, *_holding(_RSA)),
    "kafka_password": (),
    "kafka_username": (),
    "local_people": (*NO_FILE, *_holding(b"[]", b"{}", b'{"issuer": 1}')),
    "oidc_audience": (),
    "oidc_client_id": (),
    "oidc_client_secret": (),
    "oidc_issuer": (*NO_URL, "http://issuer.test"),
    "oidc_resource": ("keyfold", "https://h/#x", "//h/x"),
    "oidc_scope": ("profile", "openid,profile", "OpenID"),
    "postgres_dsn": NO_DSN,
    "rate_limit_default": ("100", "0/60", "100/0", "100/60:0", "-1/60", "100/86401", "many"),
    "route_map": (*NO_FILE, *_holding(b"/v1/x\n", b"v1/x patient\n", b"/v1/x dreams\n", b"# none\n")),
    "session_secret": ("s3cret-" * 4, f"{SECRET},", f"{SECRET},s3cret-", f",{SECRET}"),
    "shadow_route_map": (*NO_FILE, *_holding(b"/v1/x\r\n", b"/v1/x dreams\n")),
    "subscriber_key_header": ("a b", "a:", "x" * 65, "ü", "X-API-KEY"),
    "token": ("two words", "Bearer x", "ü", 'x"', "x,y"),
    "vendor_key_header": ("a b", "a:", "x" * 65, "ü"),
    **{
        f"{name}_url": NO_URL
        for name in ("registry", "relay", "projection", "gatekeeper", "shipper", "audit", "api")
    },
}
"""By a setting's name; a setting of text or a path that is missing here makes the test fail."""


def wrong_values(name: str, field: FieldInfo) -> Iterator[Wrong]:
    """Yield wrong values of a setting. Raises KeyError for one of text that is missing above."""
    yield from (each for each in NOTHING if each != field.default)
    yield from NO_WORD
    kind = _kind(field.annotation)
    if kind in (int, float):
        yield from _no_number(kind, {type(each).__name__: each for each in field.metadata})
    elif kind is bool:
        yield from ("maybe", "2", "-1")
    elif get_origin(kind) is Literal:
        yield from ("other", get_args(kind)[0].swapcase(), f"{get_args(kind)[0]},")
    else:
        yield from MEANT[name]


def _kind(annotation: Any) -> Any:
    """Return the type behind an optional one; text, secrets and paths are told apart by their names."""
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = (each for each in get_args(annotation) if each is not type(None))
    return None if annotation in (str, SecretStr, Path) else annotation


def _no_number(kind: type, bounds: Mapping[str, Any]) -> Iterator[str]:
    yield from ("many", "nan", "inf", "-inf", "1e999", "0x10", "1,5", "1 000", "9" * 5000)
    yield "1.5" if kind is int else "1s"
    if "Ge" in bounds:
        yield str(bounds["Ge"].ge - (1 if kind is int else 0.001))
    if "Gt" in bounds:
        yield from (str(bounds["Gt"].gt), str(bounds["Gt"].gt - 1))
    if "Le" in bounds:
        yield str(bounds["Le"].le + 1)
