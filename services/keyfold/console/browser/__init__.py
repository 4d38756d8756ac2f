"""What the console keeps in a browser, and what a browser may do with its pages."""
