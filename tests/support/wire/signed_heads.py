"""Checkpoints signed with keys that tests know."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keyfold.domain.lifecycle.signatures.signed_head import LedgerCheckpointed
from keyfold.wire.events.chain import Head
from keyfold.wire.proof.signed_head import HeadClaim, SignedHead, key_id_of, sign
from tests.support.ledger_builder import START

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC_KEYS = {key_id_of(KEY.public_key()): KEY.public_key()}


def sign_claim(head: Head, key: Ed25519PrivateKey = KEY) -> SignedHead:
    """Return the signed claim of a head."""
    checkpoint = HeadClaim(
        position=head.position, head_hash=head.hash, at=START, signing_key_id=key_id_of(key.public_key())
    )
    return SignedHead(claim=checkpoint, signature=sign(checkpoint, key))


def event_of(each: SignedHead) -> LedgerCheckpointed:
    """Return the event with a signed head."""
    known = each.claim
    return LedgerCheckpointed(
        position=known.position,
        head_hash=known.head_hash,
        at=known.at,
        signing_key_id=known.signing_key_id,
        signature=each.signature,
    )
