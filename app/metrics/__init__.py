"""Figures, exact and with their definitions."""
