"""The owner's pages about keys: to make, show, change, rotate and revoke one."""
