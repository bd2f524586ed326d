"""A complaint, question or comment, from the first word to the last."""
