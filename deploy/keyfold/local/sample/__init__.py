"""The sample practice and its API, and how they are made."""
