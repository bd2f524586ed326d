"""Who spoke, and what we know them by."""
