"""Tests of pure rules."""
