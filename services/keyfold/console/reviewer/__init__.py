"""The reviewers' desk: the queue, and one application with everything that may be done about it."""
