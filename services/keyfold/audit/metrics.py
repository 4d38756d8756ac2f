"""What the audit service measures."""

from typing import Final

from keyfold.runtime.metrics import counter, distribution, gauge

FILED: Final = counter("keyfold_audit_filed_total", "Access events filed as new rows of the log.")
DUPLICATES: Final = counter(
    "keyfold_audit_duplicates_total", "Access events left out because the log already had them."
)
LATE: Final = counter(
    "keyfold_audit_late_total", "Access events filed more than a day after their decision, in its day."
)
GONE: Final = counter(
    "keyfold_audit_gone_total",
    "Records that Kafka deleted before they were filed, by partition of the access topic.",
    ["partition"],
)
DEAD_LETTERED: Final = counter(
    "keyfold_audit_dead_lettered_total", "Records sent to the dead letters, by kind of reason.", ["kind"]
)
OFFSETS_MOVED: Final = counter(
    "keyfold_audit_offsets_moved_total",
    "Batches given up because another process had already filed from their partitions.",
)
LAG: Final = gauge(
    "keyfold_audit_lag_records", "Records of this process's partitions that are not filed yet."
)
DELAY: Final = distribution(
    "keyfold_audit_delay_seconds",
    "Time from a decision to its row in the log.",
    buckets=(0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 60, 600, 3600),
)
EXPORTS: Final = gauge("keyfold_audit_exports", "Exports that are under way.")
STREAMS: Final = gauge("keyfold_audit_streams", "Streams that are open.")
DAYS_AHEAD: Final = gauge(
    "keyfold_audit_partitions_ahead_days", "Days after today that have a partition already."
)
