"""Instruments and the scores given on them."""
