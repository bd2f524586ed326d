"""What happened: events, the outbox and the stream, and what was already received."""
