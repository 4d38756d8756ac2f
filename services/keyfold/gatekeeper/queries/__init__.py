"""The gatekeeper's other queries: dry runs, introspection, keys, positions, shadow mode."""
