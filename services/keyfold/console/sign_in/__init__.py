"""Signing in and out: through an OpenID provider, by a product's link, or as a sample person."""
