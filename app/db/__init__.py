"""Engines, types, the two databases' differences, the writer and the group commit."""
