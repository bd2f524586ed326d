"""The first flow: a customer speaks, or history is loaded."""
