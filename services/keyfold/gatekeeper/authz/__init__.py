"""The authz server: reads what a gateway asks, decides it, records it, answers it."""
