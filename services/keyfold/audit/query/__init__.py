"""Answers who touched what: activity, exports, streams, sums, completeness."""
