"""What every process needs and no domain knows: settings, logs, clock, metrics, callers, HTTP, lifecycle."""
