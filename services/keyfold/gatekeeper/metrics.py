"""What a gatekeeper measures."""

from typing import Final

from keyfold.runtime.metrics import counter, gauge, tally

DECISIONS: Final = tally(
    "keyfold_decisions_total",
    "Decisions, by the reason that was answered, or `allow`, or `public` for an allow without a key",
    ("reason",),
)
UNKNOWN_GATEWAYS: Final = tally(
    "keyfold_unknown_gateways_total", "Questions without a known gateway's token; they are not decided"
)
POSITION: Final = gauge("keyfold_gatekeeper_position", "The last ledger position that was applied")
READ_MODEL_ALTERED: Final = gauge(
    "keyfold_gatekeeper_read_model_altered", "1 while the read model is not what was folded into it, else 0"
)
LEASE_REMAINING: Final = gauge("keyfold_lease_remaining_seconds", "How long requests may still be allowed")
HEARTBEATS_MISSED: Final = counter(
    "keyfold_heartbeats_missed_total", "Heartbeats that PostgreSQL did not answer"
)
JOURNAL_RECORDS: Final = tally("keyfold_journal_records_total", "Access events written to the journal")
JOURNAL_REFUSED: Final = counter(
    "keyfold_journal_refused_total", "Requests refused because their access event could not be written"
)
COUNTED: Final = counter(
    "keyfold_counted_requests_total",
    "Requests that proved no key, or a dead one, and share an access event, by reason, or `public`",
    ("reason",),
)
POLICY_RELOADS: Final = counter(
    "keyfold_policy_reloads_total", "How often the policy's files were read anew, by outcome", ("outcome",)
)
POLICY_SINCE: Final = gauge("keyfold_policy_since_seconds", "When the policy came into force, in Unix time")
POLICY_BROKEN: Final = gauge(
    "keyfold_policy_broken", "1 if the policy's files are broken, so that an older policy is in force"
)
JOURNAL_BYTES: Final = gauge("keyfold_journal_bytes", "Bytes in all journals of this host")
INTROSPECTIONS: Final = counter(
    "keyfold_introspections_total", "Pairs of keys that were introspected, by the answer", ("answer",)
)
SHADOW_DIFFERENCES: Final = counter(
    "keyfold_shadow_differences_total",
    "Decisions that the shadow route map maps differently, by what would change",
    ("difference",),
)
MALFORMED: Final = counter(
    "keyfold_authz_malformed_total", "Connections closed because of malformed input, by fault", ("fault",)
)
