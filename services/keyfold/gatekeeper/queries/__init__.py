"""What the gatekeeper is asked besides: decisions for others, dry runs, introspection."""
