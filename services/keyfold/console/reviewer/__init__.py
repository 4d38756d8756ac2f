"""The reviewers' pages: the queue, and one vendor with everything that a reviewer may do about it."""
