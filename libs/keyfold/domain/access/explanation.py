"""The explanation of a decision: every check with its outcome, and what would have to change for an allow."""

from msgspec import Struct

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.dry_run import DryRunCase
from keyfold.domain.access.find_remedy import Outcome, repair
from keyfold.domain.access.remedy import Mender

_REASONS = tuple(Reason)
_OF_PRESENTED_KEYS = (
    Reason.MISSING_VENDOR_KEY,
    Reason.MISSING_SUBSCRIBER_KEY,
    Reason.MALFORMED_KEY,
    Reason.VENDOR_KEY_REPLACED,
    Reason.SUBSCRIBER_KEY_REPLACED,
)


class Check(Struct, frozen=True, kw_only=True, gc=False):
    """One check, by the reason that it gives where it fails, and how it went."""

    check: Reason
    outcome: Outcome


class RequiredChange(Struct, frozen=True, kw_only=True, gc=False):
    """What would have to change for a check to pass, and who can change it."""

    check: Reason
    change: str
    by: Mender


class Explanation(Struct, frozen=True, kw_only=True, gc=False):
    """A decision, allow where `reason` is None, with all of its checks in their order.

    All the changes together make it an allow, as far as that can be told: see the unknown checks.
    """

    reason: Reason | None
    checks: tuple[Check, ...]
    changes: tuple[RequiredChange, ...]


def explain(case: DryRunCase) -> Explanation:
    """Explain a case's decision by asking what it would be, were its reason mended, until that is an allow.

    So the checks are the decision's own, in its own order: there is no second copy of them here.
    """
    reason = denied_for = case.reason()
    changes: list[RequiredChange] = []
    outcomes = _before_asking(case)
    while denied_for is not None:
        mended = repair(denied_for, case)
        changes.append(RequiredChange(check=denied_for, change=mended.remedy.change, by=mended.remedy.by))
        outcomes = {**mended.hides, denied_for: Outcome.FAILED, **outcomes}
        case = mended.case
        denied_for = case.reason()
    return Explanation(
        reason=reason,
        checks=tuple(Check(check=check, outcome=outcomes.get(check, Outcome.PASSED)) for check in _REASONS),
        changes=tuple(changes),
    )


def _before_asking(case: DryRunCase) -> dict[Reason, Outcome]:
    """Return the checks that nothing is asked of: no key is presented, and no rate limit is used up."""
    idle = [*_OF_PRESENTED_KEYS]
    idle += [Reason.VENDOR_KEY_REVOKED] if case.by_vendor else []
    idle += [] if case.asked.by_path else [Reason.AMBIGUOUS_REQUEST, Reason.UNMAPPED_ROUTE]
    later = _REASONS[_REASONS.index(Reason.STALE) + 1 :]
    return {**dict.fromkeys(idle, Outcome.NOT_APPLICABLE), **dict.fromkeys(later, Outcome.UNKNOWN)}
