"""The owner's pages about keys: made, shown, changed, rotated, revoked."""
