"""Vendors over HTTP: applications, reviews, their keys."""
