"""Tests through the whole application."""
