"""The explanation of a dry run: every check with its outcome, and what would have to change for an allow."""

from msgspec import Struct

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.dry_run import DryRunCase
from keyfold.domain.access.find_remedy import Outcome, find_remedy
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
    """One check, named by the reason that it gives when it fails, and its outcome."""

    check: Reason
    outcome: Outcome


class RequiredChange(Struct, frozen=True, kw_only=True, gc=False):
    """What would have to change for a check to pass, and who can change it."""

    check: Reason
    change: str
    by: Mender


class Explanation(Struct, frozen=True, kw_only=True, gc=False):
    """A decision, an allow if `reason` is None, with all of its checks in their order.

    All the changes together make it an allow, except that unknown checks may still fail.
    """

    reason: Reason | None
    checks: tuple[Check, ...]
    changes: tuple[RequiredChange, ...]


def explain(case: DryRunCase) -> Explanation:
    """Explain a case's decision: remedy its reason and decide again, until the decision is an allow.

    So the checks are the decision's own, in its own order: there is no second copy of them here.
    """
    reason = denied_for = case.judge()
    changes: list[RequiredChange] = []
    outcomes = _preset_outcomes(case)
    while denied_for is not None:
        step = find_remedy(denied_for, case)
        changes.append(RequiredChange(check=denied_for, change=step.remedy.change, by=step.remedy.by))
        outcomes = {**step.hides, denied_for: Outcome.FAILED, **outcomes}
        case = step.case
        denied_for = case.judge()
    return Explanation(
        reason=reason,
        checks=tuple(Check(check=check, outcome=outcomes.get(check, Outcome.PASSED)) for check in _REASONS),
        changes=tuple(changes),
    )


def _preset_outcomes(case: DryRunCase) -> dict[Reason, Outcome]:
    """Return the outcomes that no decision changes: a dry run presents no key and uses up no rate limit, and
    a public route is not checked at all.
    """
    if case.request.is_public:
        return dict.fromkeys(_REASONS, Outcome.NOT_APPLICABLE)
    idle = [*_OF_PRESENTED_KEYS]
    idle += [Reason.VENDOR_KEY_REVOKED] if case.by_vendor else []
    idle += [] if case.request.by_path else [Reason.AMBIGUOUS_REQUEST, Reason.UNMAPPED_ROUTE]
    later = _REASONS[_REASONS.index(Reason.STALE) + 1 :]
    return {**dict.fromkeys(idle, Outcome.NOT_APPLICABLE), **dict.fromkeys(later, Outcome.UNKNOWN)}
