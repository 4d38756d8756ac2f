"""A request for data: its route, the decision, the event of it, and how it is explained."""
