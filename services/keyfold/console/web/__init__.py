"""How a page is made: from a request and its session to a handler, and from its result to HTML."""
