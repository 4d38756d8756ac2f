"""The journal of decisions: written down before they are answered, in segments, with their numbers."""
