"""What a verification found, in words and as JSON."""

from __future__ import annotations

from collections import defaultdict

from keyfold.cli.commands.ledger.verification import Verification
from keyfold.cli.screen import Details, Ending, Tone, Toned, Value
from keyfold.wire.proof.signed_head_proof import FindingKind


def details_of(found: Verification, ledger: str) -> Details:
    """Return what is shown of this ledger's verification; the command fails if anything is wrong."""
    ending = Ending.FAILED if found.findings else Ending.DONE
    return Details(
        lines={"ledger": ledger, **_lines(found)},
        item={"ledger": ledger, **_item(found)},
        note=_verdict(found),
        ending=ending,
    )


def _lines(found: Verification) -> dict[str, Value]:
    recorded = f"{found.recorded_checkpoints} in the ledger"
    if not found.signatures_checked:
        recorded += " (signatures not checked: name a --public-key)"
    details: defaultdict[FindingKind, list[str]] = defaultdict(list)
    for each in found.findings:
        details[each.kind].append(each.detail)
    return {
        "proven": f"{found.events:,} events in {found.took_s:.1f} s",
        "head": found.head_hash.hex(),
        "checkpoints": f"{recorded}, {found.filed_checkpoints} in the file",
        "sealed": _sealed(found),
        "vouched for": f"up to position {found.vouched}" if found.vouched else "nothing",
        **{kind.value: Toned("; ".join(each), Tone.BAD) for kind, each in details.items()},
    }


def _sealed(found: Verification) -> str:
    if not found.seals_checked:
        return "not checked: name the file of --seal-keys"
    return f"up to position {found.sealed}" if found.sealed else "nothing"


def _item(found: Verification) -> dict[str, object]:
    findings = [
        {"kind": each.kind.value, "position": each.position, "detail": each.detail} for each in found.findings
    ]
    return {
        "whole": not found.findings,
        "first_broken_position": found.first_broken,
        "findings": findings,
        "events": found.events,
        "head_hash": found.head_hash.hex(),
        "signatures_checked": found.signatures_checked,
        "recorded_checkpoints": found.recorded_checkpoints,
        "filed_checkpoints": found.filed_checkpoints,
        "vouched_position": found.vouched,
        "seals_checked": found.seals_checked,
        "sealed_position": found.sealed,
        "took_s": round(found.took_s, 3),
    }


def _verdict(found: Verification) -> str:
    if found.first_broken is not None:
        return f"The ledger is not whole. The first broken position is {found.first_broken}."
    if found.findings:
        return "The ledger is whole, but not everything that it was compared with is."
    return "The ledger is whole."
