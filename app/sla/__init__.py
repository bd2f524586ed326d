"""How promises are kept: the clocks that run on an answer, replayed from a ticket's events."""
