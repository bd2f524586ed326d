"""The configuration as one frozen snapshot in memory."""
