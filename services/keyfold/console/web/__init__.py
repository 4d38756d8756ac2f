"""A page's way: from a request and its session to a handler, and from what that returns to HTML."""
