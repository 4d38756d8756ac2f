"""The console: the settings page, and the pages of vendors, reviewers and operators.

It is a client like any other: it asks registry, audit and gatekeeper over HTTP with the bearer token of
whoever is signed in. It has no database, no Kafka and no rights of its own.
"""
