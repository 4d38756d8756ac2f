"""The shipper's metrics."""

from typing import Final

from libs.runtime import metrics

SHIPPED: Final = metrics.counter(
    "keyfold_shipper_shipped_total", "Access events that the broker has acknowledged."
)
RESENT: Final = metrics.counter(
    "keyfold_shipper_resent_total",
    "Access events sent again because it was unknown whether they had arrived.",
)
DAMAGED: Final = metrics.counter(
    "keyfold_shipper_damaged_bytes_total", "Bytes of journals that are no access events, set aside."
)
BACKLOG: Final = metrics.gauge(
    "keyfold_shipper_backlog_bytes", "How much of the journals is not acknowledged yet."
)
OLDEST: Final = metrics.gauge(
    "keyfold_shipper_oldest_unshipped_seconds",
    "How long ago the oldest event that is on its way was decided.",
)
