"""Addresses as operators write them: PostgreSQL's, Kafka's and HTTP's. No error repeats an address."""

import os
import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from keyfold.runtime.settings.tls_files import check_authorities, check_certificate

_PORT_MAX: Final = 65535
_HOST: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}(\.[A-Za-z0-9_-]{1,63})*)?\.?")
_HOST_AND_PORT: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[^:]*))?")
_DSN: Final = re.compile(
    r"postgres(?:ql)?://(?:(?P<login>[^@/?#\[\]\s]*)@)?(?P<hosts>[^@/?#\s]*)"
    r"(?:/(?P<database>[^@/?#\s]*))?(?:\?(?P<query>[^@#\s]*))?"
)
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_TO_ESCAPE: Final = (
    "what is special in a user or a password is written as %40 for @, %2F for /, %3F for ?, %23 for #, "
    "%5B for [, %5D for ], %25 for %"
)
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "sslmode": frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}),
    "sslnegotiation": frozenset({"postgres", "direct"}),
    "target_session_attrs": frozenset(
        {"any", "primary", "standby", "read-write", "read-only", "prefer-standby"}
    ),
}
"""Which values the driver takes for these parameters of a DSN."""


def check_host(host: str) -> str:
    """Return a host's name or address unchanged, IPv6 without brackets. Raises ValueError."""
    if not _HOST.fullmatch(host) and not _is_ip(host):
        raise ValueError("it is no host's name and no IP address")
    return host


def is_loopback(host: str | None) -> bool:
    """Tell whether a host is this machine, so that what is sent there stays here."""
    if host is None or host == "localhost" or host.endswith(".localhost"):
        return host is not None
    return _is_ip(host) and ip_address(host).is_loopback


def check_bootstrap(addresses: str) -> str:
    """Return brokers' addresses, `host:port,host:port`, unchanged. Raises ValueError."""
    for number, address in enumerate(addresses.split(","), start=1):
        try:
            _check_host_and_port(address, needs_port=True)
        except ValueError as fault:
            raise ValueError(f"address {number}: {fault}" if "," in addresses else str(fault)) from None
    return addresses


def bootstrap_hosts(addresses: str) -> Sequence[str]:
    """Return the hosts of brokers' checked addresses, IPv6 without brackets."""
    hosts = (each.rpartition(":")[0] for each in addresses.split(",") if each)
    return [host.removeprefix("[").removesuffix("]") for host in hosts]


def check_url(url: str) -> SplitResult:
    """Return the parts of an http:// or https:// address. Raises ValueError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("its host or its port is none") from None
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("it does not start with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("it holds a user or a password, and neither belongs there")
    if parts.netloc.endswith(":") or port == 0:
        raise ValueError(f"its port is not a number from 1 to {_PORT_MAX}")
    check_host(host or "")
    if re.search(r"\s", url):
        raise ValueError("it holds white space")
    return parts


def check_trusted_url(url: str) -> str:
    """Return an address unchanged whose answers nobody on the way can swap. Raises ValueError for others."""
    parts = check_url(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("it is plain http to another machine")
    return url


def check_service_url(url: str) -> str:
    """Return a service's address without a slash at its end. Raises ValueError."""
    parts = check_url(url)
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise ValueError("it has a query or a fragment")
    return url.rstrip("/")


def check_dsn(dsn: str) -> str:
    """Return PostgreSQL's address unchanged. Raises ValueError if the driver will not understand it."""
    if not dsn.startswith(("postgresql://", "postgres://")):
        raise ValueError("it does not start with postgresql://")
    found = _DSN.fullmatch(dsn)
    if found is None:
        raise ValueError(f"it cannot be told where its password ends and its host begins: {_TO_ESCAPE}")
    if _BAD_ESCAPE.search(dsn):
        raise ValueError(f"a % in it begins no escape: {_TO_ESCAPE}")
    try:
        unquote(dsn, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("what its escapes say is not UTF-8") from None
    said = _read_parameters(found["query"] or "")
    for hosts in filter(None, (found["hosts"], said.get("host"))):
        try:
            for host in hosts.split(","):
                _check_host_and_port(host, needs_port=False)
        except ValueError as fault:
            raise ValueError(f"{fault}; {_TO_ESCAPE}") from None
    _check_parameters(said)
    hosts = unquote(found["hosts"]) or said.get("host") or os.environ.get("PGHOST") or ""
    if not all(map(_stays_here, hosts.split(","))) and not _is_verified(said):
        raise ValueError(
            "its host is another machine, where only a server that proves itself over TLS is spoken to: "
            "add sslmode=verify-full&sslrootcert=/path/of/ca.pem"
        )
    return dsn


def database_at(dsn: str) -> str:
    """Return a checked DSN's database and where it is: ``keyfold at 127.0.0.1:5432``; never its login."""
    found = _DSN.fullmatch(dsn)
    if found is None:
        raise ValueError("not a DSN that was checked")
    said = _read_parameters(found["query"] or "")
    default_port = said.get("port") or os.environ.get("PGPORT") or "5432"
    hosts = unquote(found["hosts"]) or said.get("host") or os.environ.get("PGHOST") or "the local socket"
    user = unquote((found["login"] or "").partition(":")[0]) or said.get("user") or os.environ.get("PGUSER")
    named = unquote(found["database"] or "") or said.get("dbname") or said.get("database")
    database = named or os.environ.get("PGDATABASE") or user or "the user's database"
    return f"{database} at {','.join(_with_port(host, default_port) for host in hosts.split(','))}"


def _with_port(host: str, port: str) -> str:
    parts = _HOST_AND_PORT.fullmatch(host)
    is_tcp = parts is not None and not host.startswith("/") and " " not in host
    return f"{host}:{port}" if parts is not None and is_tcp and parts["port"] is None else host


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _check_host_and_port(address: str, *, needs_port: bool) -> None:
    if not address:
        raise ValueError("it is blank")
    parts = _HOST_AND_PORT.fullmatch(address)
    if parts is None:
        raise ValueError("its host or its port is none")
    host, port = unquote(parts["host"]), parts["port"]
    if not host.startswith("/"):  # else it is the path of a socket
        try:
            check_host(host[1:-1] if host.startswith("[") else host)
        except ValueError:
            raise ValueError("its host is no name and no IP address") from None
    if (port is None and needs_port) or (port is not None and not _is_port(port)):
        raise ValueError(f"its port is not a number from 1 to {_PORT_MAX}")


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 1 <= int(text) <= _PORT_MAX


def _read_parameters(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise ValueError("what stands behind its ? is not name=value&name=value") from None


def _check_parameters(said: Mapping[str, str]) -> None:
    for name, words in _WORDS.items():
        if name in said and said[name] not in words:
            raise ValueError(f"its {name} is not one of {', '.join(sorted(words))}")
    if not all(_is_port(each) for each in said.get("port", "5432").split(",")):
        raise ValueError(f"its port is not a number from 1 to {_PORT_MAX}")
    mode = _mode(said)
    if mode not in {"disable", "allow", "prefer"}:
        _check_authority(mode, said)
    if mode != "disable":
        _check_certificate(said)


def _stays_here(address: str) -> bool:
    """Tell whether a host, which is checked, is a socket or this machine."""
    parts = _HOST_AND_PORT.fullmatch(address)
    host = "" if parts is None else parts["host"].removeprefix("[").removesuffix("]")
    return not host or host.startswith("/") or is_loopback(host)


def _is_verified(said: Mapping[str, str]) -> bool:
    """Tell whether the driver will hold the server's certificate against an authority."""
    return _mode(said) in {"require", "verify-ca", "verify-full"} and _authorities(said) is not None


def _mode(said: Mapping[str, str]) -> str:
    return said.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"


def _authorities(said: Mapping[str, str]) -> str | Path | None:
    usual = Path("~/.postgresql/root.crt").expanduser()
    named = said.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    return named or (usual if usual.exists() else None)


def _check_authority(mode: str, said: Mapping[str, str]) -> None:
    """Refuse a DSN whose sslmode needs a certificate authority's file, if that is not there."""
    if (authorities := _authorities(said)) is None:
        if mode != "require":
            raise ValueError(
                f"sslmode={mode} needs the certificate of the authority that signed the server's: "
                "add sslrootcert=/path/of/ca.pem"
            )
        return
    check_authorities(authorities, "its sslrootcert")


def _check_certificate(said: Mapping[str, str]) -> None:
    if certificate := said.get("sslcert"):
        password = said.get("sslpassword", "")
        check_certificate(certificate, said.get("sslkey"), password=password, what="its sslcert or sslkey")
    if crl := said.get("sslcrl"):
        check_authorities(crl, "its sslcrl")
