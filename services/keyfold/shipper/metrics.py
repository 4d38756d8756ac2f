"""What the shipper measures."""

from typing import Final

from keyfold.runtime.metrics import counter, gauge

SHIPPED: Final = counter("keyfold_shipper_shipped_total", "Access events that the broker has acknowledged.")
RESENT: Final = counter(
    "keyfold_shipper_resent_total",
    "Access events sent again because it was not known whether they had arrived.",
)
DAMAGED: Final = counter(
    "keyfold_shipper_damaged_bytes_total", "Bytes of journals that are not access events and were set aside."
)
BACKLOG: Final = gauge("keyfold_shipper_backlog_bytes", "Bytes of journals that are not acknowledged yet.")
OLDEST: Final = gauge(
    "keyfold_shipper_oldest_unshipped_seconds",
    "Age of the oldest event that is on its way, since its decision.",
)
