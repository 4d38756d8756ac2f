"""The proof that a ledger is whole: hashes, positions, versions, seals and signed heads, in one pass."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from keyfold.domain.lifecycle.signatures.signed_head import LEDGER_STREAM
from keyfold.wire.events.chain import GENESIS, Fields, Head, hash_fields
from keyfold.wire.proof.seal import TrustedKeys
from keyfold.wire.proof.seal_proof import SealProof
from keyfold.wire.proof.signed_head_proof import (
    CHECKPOINTED,
    Attestation,
    FiledHeads,
    Finding,
    FindingKind,
    RecordedHeads,
)

_POSITION: Final = 0
_STREAM: Final = 1
_VERSION: Final = 2
_TYPE: Final = 4
_RECORDED_AT: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRow:
    """The row with the ledger's head; `recorded_at` is the last event's."""

    head: Head
    recorded_at: str


class LedgerProof:
    """Follows a ledger from its first row to its last; its memory grows only with the number of streams.

    `vouched` is the last proven position that a signed head vouches for. Without `trusted` keys no seal
    is checked.
    """

    def __init__(
        self, recorded: RecordedHeads, filed: FiledHeads, trusted: TrustedKeys = MappingProxyType({})
    ) -> None:
        self._seals = SealProof(trusted)
        self._recorded = recorded
        self._filed = filed
        self._attestations: defaultdict[int, list[Attestation]] = defaultdict(list)
        for each in (*recorded.genuine, *filed.genuine):
            self._attestations[each.signed.claim.position].append(each)
        self._versions: dict[str, int] = {}
        self._position, self._hash, self._recorded_at = GENESIS.position, GENESIS.hash, ""
        self.vouched = 0

    @property
    def head(self) -> Head:
        """The last row up to which all is proven."""
        return Head(position=self._position, hash=self._hash)

    @property
    def sealed(self) -> int:
        """The last position that a verified seal covers."""
        return self._seals.sealed

    def follow(self, rows: Iterable[tuple[Fields, bytes, bytes | None]]) -> Finding | None:
        """Return what is wrong with the first bad row of these, the next ones; None if all are good.

        After a finding the rest cannot be proven: do not follow any more rows.
        """
        for fields, row_hash, seal in rows:
            finding = self._step(fields, row_hash) or self._seals.step(fields, row_hash, seal)
            if finding is not None:
                return finding
        return None

    def conclude(self, head: HeadRow | None) -> tuple[Finding, ...]:
        """Return what is wrong with the end, after every row was followed without a finding."""
        return tuple(self._check_end(head))

    def _step(self, fields: Fields, row_hash: bytes) -> Finding | None:
        position, stream = fields[_POSITION], fields[_STREAM]
        if position != self._position + 1:
            return self._report_misplaced(position)
        if hash_fields(self._hash, fields) != row_hash:
            return self._report_altered(position)
        if fields[_VERSION] != self._versions.get(stream, 0) + 1:
            return self._report_wrong_version(fields)
        self._versions[stream] = fields[_VERSION]
        self._position, self._hash, self._recorded_at = position, row_hash, fields[_RECORDED_AT]
        if position in self._attestations:
            finding = self._check_attestations(position)
            if finding is not None:
                return finding
        if fields[_TYPE] == CHECKPOINTED or stream == LEDGER_STREAM:
            return self._check_signed_head(position)
        return None

    def _report_misplaced(self, position: int) -> Finding:
        expected = self._position + 1
        if position < expected:
            detail = f"position {position} follows position {self._position}"
            return Finding(kind=FindingKind.REPEATED, position=position, detail=detail)
        which = (
            f"position {expected} is"
            if position == expected + 1
            else f"positions {expected} to {position - 1} are"
        )
        return Finding(kind=FindingKind.MISSING, position=expected, detail=f"{which} missing")

    def _report_altered(self, position: int) -> Finding:
        # If a signed head vouches for the row before, that row was not altered.
        before = f", or position {position - 1} with its hash," if position - 1 > self.vouched else ""
        detail = (
            f"the hash does not cover the row and the one before: position {position}{before} was altered"
        )
        return Finding(kind=FindingKind.ALTERED, position=position, detail=detail)

    def _report_wrong_version(self, fields: Fields) -> Finding:
        last = self._versions.get(fields[_STREAM], 0)
        detail = f"version {fields[_VERSION]} of the stream {fields[_STREAM]} follows version {last}"
        return Finding(kind=FindingKind.VERSION, position=fields[_POSITION], detail=detail)

    def _check_attestations(self, position: int) -> Finding | None:
        for each in self._attestations[position]:
            if each.signed.claim.head_hash != self._hash:
                since = self.vouched + 1
                detail = (
                    f"{each.source} vouches for another hash at position {position}: "
                    f"what stands at positions {since} to {position} was rewritten"
                )
                return Finding(kind=FindingKind.REWRITTEN, position=position, detail=detail)
        self.vouched = position
        return None

    def _check_signed_head(self, position: int) -> Finding | None:
        if position not in self._recorded.positions:
            fault = f"it stands outside of the stream {LEDGER_STREAM}"
        elif position in self._recorded.faults:
            fault = self._recorded.faults[position]
        else:
            return None
        detail = f"the checkpoint does not count: {fault}"
        return Finding(kind=FindingKind.FORGED_CHECKPOINT, position=position, detail=detail)

    def _check_end(self, row: HeadRow | None) -> Iterator[Finding]:
        if (finding := self._seals.conclude(self.head)) is not None:
            yield finding
        if row is None or row.head != self.head or self._recorded_at not in ("", row.recorded_at):
            yield self._report_head(row)
        kept = {each.signed for each in self._recorded.genuine}
        for each in self._filed.genuine:
            if each.signed not in kept:
                yield self._report_truncated(each)
                return

    def _report_head(self, row: HeadRow | None) -> Finding:
        end = f"{self._position}, {self._recorded_at or 'never'}, {self._hash.hex()}"
        head = "nothing" if row is None else f"{row.head.position}, {row.recorded_at}, {row.head.hash.hex()}"
        detail = f"the head names {head}; the last event is {end}"
        return Finding(kind=FindingKind.HEAD, position=self._position + 1, detail=detail)

    def _report_truncated(self, each: Attestation) -> Finding:
        vouched = each.signed.claim.position
        if vouched > self._position:
            detail = f"the ledger ends at position {self._position}, and {each.source} vouches for {vouched}"
            return Finding(kind=FindingKind.TRUNCATED, position=self._position + 1, detail=detail)
        detail = (
            f"the ledger does not hold the checkpoint of {each.source}, which came after position {vouched}: "
            "the end was cut off there or further on"
        )
        return Finding(kind=FindingKind.TRUNCATED, position=vouched + 1, detail=detail)
