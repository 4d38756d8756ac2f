"""What a gatekeeper's run says of itself, signed with its own key: its opening, its policies, its end.

A statement is a line of JSON whose last member, `signature`, is the run's Ed25519 signature over everything
before that member. A policy's text follows the statement as a member of its own, so that the text can be kept
once for many runs: the statement has its SHA-256.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keyfold.domain.access.gatekeeper_run import RunRecord
from keyfold.wire.access.closed_run import CLOSED_TYPE
from keyfold.wire.access.codec import ACCESS_TYPE, RUN_CHARACTERS_MAX, SOURCE_PREFIX, WORD_CHARACTERS_MAX
from keyfold.wire.record import Received
from keyfold.wire.timestamp import format_time, parse_time

OPENED_TYPE: Final = "keyfold.run.opened"
POLICY_TYPE: Final = "keyfold.run.policy"
ENDED_TYPE: Final = "keyfold.run.ended"
POLICY_BYTES_MAX: Final = 512 * 1024
"""The longest text of a policy; it must fit into one line of the journal, and into one Kafka record."""

_CONTEXT: Final = b"keyfold run statement v1\n"
_SIGNATURE: Final = b',"signature":"'
_POLICY_TEXT: Final = b',"policy_text":'
_ID_CHARACTERS_MAX: Final = 128
_TYPE_PREFIX: Final = "keyfold."
_OWN: Final = frozenset({OPENED_TYPE, POLICY_TYPE, ENDED_TYPE})


class MalformedRunRecord(Exception):
    """A record claims to be of a run but cannot be understood; dead-letter it and go on."""


class _Policy(msgspec.Struct):
    policy_digest: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")] | None = None
    policy_text: str | None = None


class _Opened(msgspec.Struct):
    type: str
    gatekeeper: str
    seq: int
    public_key: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


_encode = msgspec.json.Encoder().encode
_decode_policy = msgspec.json.Decoder(_Policy).decode
_decode_opened = msgspec.json.Decoder(_Opened).decode


class RunSigner:
    """Makes the statements of one run, with a key that exists only here."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self._key = Ed25519PrivateKey.generate()
        self.public_key: bytes = self._key.public_key().public_bytes_raw()

    def opened(
        self, *, event_id: str, at: datetime, version: str, host: str, policy_digest: str, policy_text: str
    ) -> bytes:
        """Return the record with number 0; the policy that the run begins with is its number 1."""
        said: dict[str, str | int] = {"version": version, "host": host, "public_key": self.public_key.hex()}
        said |= {"policy": 1, "policy_digest": policy_digest}
        return _with_text(self._sign(OPENED_TYPE, event_id, 0, at, said), policy_text)

    def policy(
        self, *, event_id: str, seq: int, at: datetime, number: int, policy_digest: str, policy_text: str
    ) -> bytes:
        """Return the record of a policy that the run's events name by `number` from now on."""
        said: dict[str, str | int] = {"policy": number, "policy_digest": policy_digest}
        return _with_text(self._sign(POLICY_TYPE, event_id, seq, at, said), policy_text)

    def ended(self, *, event_id: str, seq: int, at: datetime) -> bytes:
        """Return the last record of a run that ends in order: it says that none follows."""
        return self._sign(ENDED_TYPE, event_id, seq, at, {})

    def _sign(self, kind: str, event_id: str, seq: int, at: datetime, said: dict[str, str | int]) -> bytes:
        heading = {"type": kind, "event_id": event_id, "at": format_time(at)}
        body: bytes = _encode({**heading, "gatekeeper": self.run_id, "seq": seq, **said})[:-1]
        return b'%b%b%b"}' % (body, _SIGNATURE, self._key.sign(_CONTEXT + body).hex().encode())


def digest_policy(text: str) -> str:
    """Return the SHA-256 of a policy's text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _with_text(statement: bytes, policy_text: str) -> bytes:
    return b"%b%b%b}" % (statement[:-1], _POLICY_TEXT, _encode(policy_text))


def is_run_record(received: Received) -> bool:
    """Tell whether a record claims to be one of a run's own, of a type that is known or not."""
    kind = dict(received.headers).get("ce_type", b"").decode("ascii", "replace")
    return kind.startswith(_TYPE_PREFIX) and kind not in {ACCESS_TYPE, CLOSED_TYPE}


def decode_run_record(received: Received) -> RunRecord:
    """Return a run's record by its CloudEvents headers. Raises MalformedRunRecord.

    Nothing is asked of the value of a type that this code does not know.
    """
    try:
        return _decode(received)
    except (KeyError, ValueError, RecursionError, msgspec.MsgspecError) as fault:
        raise MalformedRunRecord(f"{type(fault).__name__}: {fault}") from fault


def _decode(received: Received) -> RunRecord:
    headers = {name: value.decode() for name, value in received.headers if name.startswith("ce_")}
    kind, statement = headers["ce_type"], received.value or b""
    source, seq = headers["ce_source"], headers.get("ce_seq")
    found = _Policy()
    if kind in _OWN:
        found = _decode_policy(statement)
        if found.policy_text is not None:
            if digest_policy(found.policy_text) != found.policy_digest:
                raise ValueError("`policy_text` has another digest than `policy_digest`")
            statement = statement.partition(_POLICY_TEXT)[0] + b"}"
    record = RunRecord(
        event_id=_checked(headers["ce_id"], _ID_CHARACTERS_MAX),
        type=_checked(kind, WORD_CHARACTERS_MAX),
        gatekeeper=_checked(source.removeprefix(SOURCE_PREFIX), RUN_CHARACTERS_MAX),
        # The end says with which number the run ended: it has none of its own.
        seq=None if seq is None or kind == ENDED_TYPE else int(seq),
        at=parse_time(headers["ce_time"]),
        statement=statement,
        policy_digest=None if found.policy_text is None else found.policy_digest,
        policy_text=found.policy_text,
    )
    if not source.startswith(SOURCE_PREFIX) or (record.seq is not None and not 0 <= record.seq < 2**63 - 1):
        raise ValueError("it names no run, or has an impossible number")
    if found.policy_text is not None and "\x00" in found.policy_text:
        raise ValueError("text without a NUL expected")
    return record


def _checked(text: str, characters_max: int) -> str:
    if not 0 < len(text) <= characters_max or "\x00" in text:
        raise ValueError("text of another length, without a NUL, expected")
    return text


def read_public_key(statement: bytes, run_id: str) -> bytes | None:
    """Return a run's public key from its opening; None unless it is that run's, and signed with the key."""
    try:
        opened = _decode_opened(statement)
    except msgspec.MsgspecError:
        return None
    public_key = bytes.fromhex(opened.public_key)
    is_its_own = (opened.type, opened.gatekeeper, opened.seq) == (OPENED_TYPE, run_id, 0)
    return public_key if is_its_own and verify_statement(statement, public_key) else None


def verify_statement(statement: bytes, public_key: bytes) -> bool:
    """Tell whether a statement carries the signature of the run with that key."""
    body, found, signature = statement.rpartition(_SIGNATURE)
    if not found or not signature.endswith(b'"}'):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(
            bytes.fromhex(signature[:-2].decode()), _CONTEXT + body
        )
    except (InvalidSignature, ValueError):
        return False
    return True
