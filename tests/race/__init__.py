"""Races: those who come at the same instant, over connections of their own."""
