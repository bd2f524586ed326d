"""Tests of SQL on real databases."""
