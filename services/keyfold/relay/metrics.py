"""What the relay measures."""

from typing import Final

from keyfold.runtime.metrics import gauge

POSITION: Final = gauge("keyfold_relay_position", "The ledger position up to which Kafka has every event")
LAG_EVENTS: Final = gauge("keyfold_relay_lag_events", "Ledger events that Kafka has not acknowledged yet")
LEADING: Final = gauge("keyfold_relay_leading", "1 while this process forwards, 0 while it stands by")
