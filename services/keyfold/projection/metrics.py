"""What the projection measures."""

from typing import Final

from keyfold.runtime.metrics import gauge, histogram

POSITION: Final = gauge("keyfold_projection_position", "The ledger position that the read model serves")
READ_MODEL_ALTERED: Final = gauge(
    "keyfold_projection_read_model_altered", "1 while the read model is not what was folded into it, else 0"
)
LAG_RECORDS: Final = gauge(
    "keyfold_projection_lag_records", "Records of the lifecycle topic that are not folded yet"
)
BATCH_EVENTS: Final = histogram(
    "keyfold_projection_batch_events",
    "Events folded by one transaction",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000),
)
DELAY_S: Final = histogram(
    "keyfold_projection_delay_seconds",
    "Time from recording an event to serving it, for the last event of each batch",
)
