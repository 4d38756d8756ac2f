"""The sample practice, its API, and the story that makes them."""
