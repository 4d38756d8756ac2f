"""What a gatekeeper measures."""

from typing import Final

from keyfold.runtime.metrics import counter, gauge, tally

DECISIONS: Final = tally(
    "keyfold_decisions_total", "Decisions, by the reason answered, or `allow`", ("reason",)
)
UNKNOWN_GATEWAYS: Final = tally(
    "keyfold_unknown_gateways_total", "Questions from whoever is not a gateway; they are not decided"
)
POSITION: Final = gauge("keyfold_gatekeeper_position", "The last ledger position that was applied")
LEASE_REMAINING: Final = gauge("keyfold_lease_remaining_seconds", "How long allows may yet go on")
HEARTBEATS_MISSED: Final = counter(
    "keyfold_heartbeats_missed_total", "Heartbeats that PostgreSQL did not answer"
)
JOURNAL_RECORDS: Final = tally("keyfold_journal_records_total", "Access events written to the journal")
JOURNAL_REFUSED: Final = counter(
    "keyfold_journal_refused_total", "Requests refused because their access event could not be written"
)
COUNTED: Final = counter(
    "keyfold_counted_requests_total",
    "Requests that proved no key, or a dead one, and share an access event, by the reason answered",
    ("reason",),
)
JOURNAL_BYTES: Final = gauge("keyfold_journal_bytes", "How much all journals of this host hold")
INTROSPECTIONS: Final = counter(
    "keyfold_introspections_total", "Pairs of keys that were introspected, by the answer", ("answer",)
)
SHADOW_DIFFERENCES: Final = counter(
    "keyfold_shadow_differences_total",
    "Decisions that the shadow route map maps otherwise, by what would become of them",
    ("difference",),
)
CONNECTIONS: Final = gauge("keyfold_authz_connections", "Connections of gateways that are open")
CONNECTIONS_REFUSED: Final = counter(
    "keyfold_authz_connections_refused_total", "Connections beyond the most that are let in"
)
MALFORMED: Final = counter(
    "keyfold_authz_malformed_total", "Connections given up because of what came over them", ("fault",)
)
