"""What the console keeps in a browser, and what it lets a browser do with its pages."""
