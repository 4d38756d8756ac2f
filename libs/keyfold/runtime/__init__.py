"""What every process needs and no domain knows: settings, logs, clock, metrics, HTTP, a service's life."""
