"""Heard: what customers say, stored for certain, answered in time, measured honestly."""
