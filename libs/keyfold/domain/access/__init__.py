"""A request for data: its route, the decision about it, the event of that, and its explanation."""
