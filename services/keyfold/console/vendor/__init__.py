"""The vendor's pages: where its application stands, what it says, its keys, and what happened."""
