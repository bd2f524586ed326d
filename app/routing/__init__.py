"""Which agent gets a ticket, and why."""
