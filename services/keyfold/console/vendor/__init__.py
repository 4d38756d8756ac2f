"""The vendor's pages: its application and the state of that, its keys, and its history."""
