"""A key's terms without any service: the terms themselves, the form to type them into, and their words."""
