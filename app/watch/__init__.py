"""The third flow: time passes."""
