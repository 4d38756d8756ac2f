"""The operators' page: how the whole stands, to look at; commands stay with `keyfold`."""
