"""The operators' page shows the state of everything; commands stay with `keyfold`."""
