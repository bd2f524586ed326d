"""The door through which time comes in: loops that call the watch flow."""
