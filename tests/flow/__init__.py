"""Flows, against real databases."""
