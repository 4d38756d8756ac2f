"""Secrets to search for, in every form in which one could have been written down."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import orjson

from keyfold.local.sample.record import load_sample

_PIECE_CHARACTERS = 10  # of base62 or base64, whose like no accident writes
_PUBLIC_CHARACTERS = 21  # of a key: prefix and id, which anybody may see


@dataclass(slots=True)
class Canaries:
    """Every secret that passed through the stack, by a name for it: as it is sent, and its secret part."""

    sent: dict[str, str] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict)

    def key(self, name: str, key: str) -> str:
        """Add a vendor or subscriber key."""
        self.secret[name] = secret_part(key)
        return self.sent.setdefault(name, key)

    def token(self, name: str, token: str) -> str:
        """Add a bearer token."""
        self.secret[name] = signature(token)
        return self.sent.setdefault(name, token)

    def plain(self, name: str, secret: str) -> str:
        """Add a text that is secret as a whole."""
        self.secret[name] = secret
        return self.sent.setdefault(name, secret)

    def kept_by(self, state_dir: Path) -> None:
        """Add what a stack has made for itself."""
        self.plain("the gateway's token", (state_dir / "gateway-token").read_text())
        self.plain("the secret that answers are sealed under", (state_dir / "idempotency-secret").read_text())
        self.plain("the secret that sessions are sealed under", (state_dir / "session-secret").read_text())
        self.plain("the superuser's password", (state_dir / "postgres" / "password").read_text())
        for name, password in orjson.loads((state_dir / "postgres-logins.json").read_bytes()).items():
            self.plain(f"the password of {name}", password)
        for file in (state_dir / "kafka" / "passwords").iterdir():
            self.plain(f"Kafka's password of {file.name}", file.read_text())
        self.plain("the key that tokens are signed with", pem_body(state_dir / "signing-key.pem"))
        self.plain("the key that checkpoints are signed with", pem_body(state_dir / "checkpoint-key.pem"))
        sample = load_sample(state_dir)
        assert sample is not None
        self.key("the sample's vendor key", sample.vendor_secret)
        self.key("the sample's subscriber key", sample.key_secret)


def pem_body(path: Path) -> str:
    """Return the secret half of a private key's PEM, without what all keys begin with."""
    return "".join(path.read_text().splitlines()[1:-1])[22:].rstrip("=")


def secret_part(key: str) -> str:
    """Return the secret part of a key."""
    return key[_PUBLIC_CHARACTERS:]


def signature(token: str) -> str:
    """Return the secret part of a JSON Web Token."""
    return token.rpartition(".")[2]


def forms(secret: str) -> Iterator[str]:
    """Yield a secret in pieces, so that a part of it is found too, and as a whole in other encodings."""
    yield from (
        secret[start : start + _PIECE_CHARACTERS]
        for start in range(0, len(secret) - _PIECE_CHARACTERS + 1, _PIECE_CHARACTERS)
    )
    raw = secret.encode()
    yield from (raw.hex(), raw.hex().upper(), quote(secret, safe=""))
    yield from ("".join(f"%{byte:{case}}" for byte in raw) for case in ("02x", "02X"))
    yield from (base64 for offset in range(3) for base64 in _base64(raw, offset))


def _base64(raw: bytes, offset: int) -> tuple[str, str]:
    """Return what base64 makes of the bytes within a longer text, at an offset that is no multiple of 3."""
    whole = b64encode(bytes(offset) + raw).decode()
    certain = whole[(offset * 8 + 5) // 6 : (offset + len(raw)) * 8 // 6]
    return certain, certain.replace("+", "-").replace("/", "_")


async def found(canaries: Mapping[str, str], *directories: Path) -> Mapping[str, Set[str]]:
    """Return which canaries are in which file below the directories, by the file's path."""
    names = defaultdict(set)
    for name, secret in canaries.items():
        for form in forms(secret):
            names[form].add(name)
    by_file: dict[str, set[str]] = defaultdict(set)
    for path, form in await _grep(sorted(names), directories):
        by_file[path] |= names[form]
    return by_file


async def _grep(needles: list[str], directories: tuple[Path, ...]) -> list[tuple[str, str]]:
    process = await asyncio.create_subprocess_exec(
        *("grep", "--fixed-strings", "--text", "--recursive", "--only-matching", "--no-messages"),
        *("--with-filename", "--null", "--file=-", *map(str, directories)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    out, _ = await process.communicate("\n".join(needles).encode())
    lines = out.decode().splitlines()
    return [(path, form) for path, _, form in (line.partition("\0") for line in lines)]
