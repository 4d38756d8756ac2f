"""How far a generation of the read model has come, and the digest of its rows there."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keyfold.store.postgres.errors import ReadModelAltered
from keyfold.store.read_model.rows import SHAPE
from keyfold.wire.events.chain import Head
from keyfold.wire.proof.keyed_sum import KeyedSum, NotSealed
from keyfold.wire.proof.state_digest import StatePlace, StateSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationProgress:
    """How far a generation has come, the shape of its tables, and what seals them.

    `seal_key` and `state_digest` are empty where the shape is another one than ours.
    """

    head: Head
    next_offset: int
    shape: int
    seal_key: bytes = b""
    state_digest: bytes = b""

    @property
    def has_our_shape(self) -> bool:
        """Whether this code can read and write the generation."""
        return self.shape == SHAPE

    @property
    def place(self) -> StatePlace:
        """What the digest is the digest of."""
        return StatePlace(
            head=self.head, next_offset=self.next_offset, shape=self.shape, seal_key=self.seal_key
        )

    def open(self, secret: StateSecret) -> Mapping[str, KeyedSum]:
        """Return the sums of its tables' rows. Raises ReadModelAltered if it was not written so."""
        try:
            return secret.open(self.place, self.state_digest)
        except (NotSealed, struct.error, TypeError):  # or a column has another type now
            raise ReadModelAltered(
                "its progress was changed, or was sealed with another KEYFOLD_STATE_SECRET"
            ) from None


def read_progress(row: Mapping[str, Any] | None) -> GenerationProgress | None:
    """Return what a row of the progress says; None where there is no row."""
    if row is None:
        return None
    return GenerationProgress(
        head=Head(position=row["position"], hash=row["head"]),
        next_offset=row["next_offset"],
        shape=row["shape"],
        seal_key=row.get("seal_key", b""),
        state_digest=row.get("state_digest", b""),
    )
