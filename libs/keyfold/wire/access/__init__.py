"""Access events and closed runs as they travel."""
